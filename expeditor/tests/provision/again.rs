//! Runs after other runs: whole ones, ones that were killed, ones at the same time.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader},
    path::Path,
};

use contracts::ServiceName;
use expeditor::provision::{
    files::{Directory, Servers},
    passwords::Password,
    places::Place,
    report::Report,
};
use reqwest::Url;

use crate::world::{World, close, code, connect, execute, other_login};

const NOTHING: &str = "everything was there: nothing was changed";

fn files(directory: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    let name = |entry: &fs::DirEntry| entry.file_name().into_string().unwrap();
    entries.map(|it| (name(&it), fs::read_to_string(it.path()).unwrap())).collect()
}

/// What the server keeps of each role's password.
async fn verifiers(world: &World) -> Vec<(String, String)> {
    let query = "SELECT rolname::text, rolpassword FROM pg_authid WHERE rolname LIKE $1 ORDER BY 1";
    let query = sqlx::query_as(query).bind(format!("{}%", world.prefix));
    query.fetch_all(&mut world.admin().await).await.unwrap()
}

/// Everybody can log in with what stands in the files.
async fn holds(world: &World) {
    for (_, url) in world.logins() {
        let connection = connect(&url).await;
        close(connection.unwrap_or_else(|error| panic!("{url}: {error}"))).await;
    }
    assert_eq!(world.provision(&[]).last().unwrap(), NOTHING);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_second_run_changes_nothing_and_says_so() {
    let world = World::new().await;
    let first = world.provision(&[]);
    assert!(first.iter().all(|line| !line.ends_with("was there")), "{first:?}");
    let (made, kept) = (files(&world.out()), verifiers(&world).await);
    assert_eq!(kept.len(), 2 * ServiceName::ALL.len() + 1);
    assert!(kept.iter().all(|(_, verifier)| verifier.starts_with("SCRAM-SHA-256$")));
    let second = world.provision(&[]);
    let (last, steps) = second.split_last().unwrap();
    assert_eq!((last.as_str(), steps.len()), (NOTHING, first.len() - 1));
    assert!(steps.iter().all(|line| line.ends_with(": was there")), "{second:?}");
    assert_eq!(files(&world.out()), made);
    assert_eq!(verifiers(&world).await, kept);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_lost_file_is_made_with_new_passwords() {
    let world = World::new().await;
    world.provision(&[]);
    let old = world.service_url(ServiceName::Store);
    fs::remove_file(world.out().join("store.toml")).unwrap();
    let lines = world.provision(&[]);
    let changes: Vec<_> = lines.iter().filter(|line| !line.ends_with("was there")).collect();
    // The file itself, the relay's with the new password for the broker, role, user, the end.
    assert_eq!(changes.len(), 5, "{changes:?}");
    assert_eq!(code(connect(&old).await).as_deref(), Some("28P01"));
    holds(&world).await;
}

/// Files first, then the servers: the passwords in the files are those that are told.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_a_crash_left_in_files_only_is_told_to_the_servers() {
    let world = World::new().await;
    let write = || {
        let schemes = ["postgres", "amqp"];
        let postgres = Place::read("", &world.shared.postgres, &schemes).unwrap();
        let amqp = Place::read("", world.shared.rabbitmq.url(), &schemes).unwrap();
        let servers = Servers { postgres: &postgres, amqp: &amqp, names: &world.names };
        let plan = Directory::open(&world.out()).unwrap().plan(&servers).unwrap();
        plan.write(&mut Report::default()).unwrap();
    };
    write();
    let written = files(&world.out());
    world.provision(&[]);
    assert_eq!(files(&world.out()), written);
    holds(&world).await;

    for file in ["cook.toml", "relay.toml", "auditor.toml"] {
        fs::remove_file(world.out().join(file)).unwrap();
    }
    write();
    let written = files(&world.out());
    assert!(connect(&world.service_url(ServiceName::Cook)).await.is_err());
    world.provision(&[]);
    assert_eq!(files(&world.out()), written);
    holds(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn killed_at_any_step_it_can_be_run_again() {
    let world = World::new().await;
    for lines in [1, 6, 8, 13, 18, 19, 20, 21, 27, 33, 34, 35, 36, 40] {
        let mut child = world.command(&[]).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let read = stdout.by_ref().take(lines).count();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(read, lines);
        // Whatever a server was told stands in a file.
        let told = verifiers(&world).await;
        let logins = if told.is_empty() { Vec::new() } else { world.logins() };
        for (role, verifier) in told {
            let mut urls = logins.iter().map(|(_, url)| Url::parse(url).unwrap());
            let url = urls.find(|url| url.username() == role).unwrap();
            let password = Password::known(url.password().unwrap());
            assert!(password.is_kept_by_postgres(&verifier), "{role} after {lines} lines");
        }
    }
    world.provision(&[]);
    holds(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn of_two_at_once_one_does_it() {
    let world = World::new().await;
    let both = [(); 2].map(|()| world.command(&[]).spawn().unwrap());
    let mut ends = both.map(|child| {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().last().unwrap().to_owned()
    });
    ends.sort();
    assert!(ends[0].starts_with("done: ") && ends[1] == NOTHING, "{ends:?}");
    holds(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn who_may_make_roles_and_databases_need_not_be_a_superuser() {
    let world = World::new().await;
    let name = format!("{}_maker", world.prefix);
    let sql = format!("CREATE ROLE {name} LOGIN CREATEROLE CREATEDB PASSWORD 'x'");
    execute(&mut world.admin().await, &sql).await.unwrap();
    let url = other_login(&world.shared.postgres, &name, "x");
    let as_maker = [("--database-url", url.as_str())];
    world.provision(&as_maker);
    assert_eq!(world.provision(&as_maker).last().unwrap(), NOTHING);
    fs::remove_file(world.out().join("relay.toml")).unwrap();
    world.provision(&as_maker);
    holds(&world).await;
}
