//! `migrate` on a server, and a service that finds its database behind.

use std::process::{Command, Output};

use contracts::ServiceName;

use crate::world::{World, connect, execute, one_line, other_database};

fn migrate(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_expeditor"));
    command.arg("migrate").args(arguments).env_clear().output().unwrap()
}

fn lines(output: &Output) -> Vec<String> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

/// A database without tables, owned by a role that is not the administrator.
async fn empty(world: &World, service: ServiceName) {
    let (name, mut admin) = (world.names.service(service), world.admin().await);
    execute(&mut admin, &format!("CREATE ROLE {name} LOGIN PASSWORD 'x'")).await.unwrap();
    execute(&mut admin, &format!("CREATE DATABASE {name} OWNER {name}")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_an_administrator_migrates_belongs_to_the_service() {
    let world = World::new().await;
    empty(&world, ServiceName::Store).await;
    empty(&world, ServiceName::Orchestrator).await;
    let url = other_database(&world.shared.postgres, &world.names.service(ServiceName::Store));
    assert_eq!(lines(&migrate(&["store", "--database-url", &url])), ["store: 0 → 1"]);
    assert_eq!(lines(&migrate(&["store", "--database-url", &url])), ["store: is at 1 already"]);
    let owners = "SELECT DISTINCT tableowner::text FROM pg_tables WHERE schemaname = 'public'";
    let mut admin = connect(&url).await.unwrap();
    let owners: Vec<String> = sqlx::query_scalar(owners).fetch_all(&mut admin).await.unwrap();
    assert_eq!(owners, [world.names.service(ServiceName::Store)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn all_are_migrated_by_a_url_that_says_where_each_is() {
    let world = World::new().await;
    for service in ServiceName::ALL {
        empty(&world, service).await;
    }
    let server = other_database(&world.shared.postgres, "");
    let url = format!("{server}/{}_{{service}}", world.prefix);
    let first = lines(&migrate(&["all", "--database-url", &url]));
    assert_eq!(first.len(), ServiceName::ALL.len());
    assert!(first.contains(&"orchestrator: 0 → 2".to_owned()), "{first:?}");
    let second = lines(&migrate(&["--database-url", &url]));
    assert!(second.iter().all(|line| line.ends_with(" already")), "{second:?}");

    let one = one_line(&migrate(&["all", "--database-url", &world.shared.postgres]), 2);
    assert!(one.contains("{service}"), "{one}");
    let none = format!("{server}/{}_none", world.prefix);
    one_line(&migrate(&["cook", "--database-url", &none]), 3);
    one_line(&migrate(&["cook", "--database-url", "postgres://h:x/d"]), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_service_whose_database_is_behind_says_what_to_run() {
    let world = World::new().await;
    empty(&world, ServiceName::Cook).await;
    let url = other_database(&world.shared.postgres, &world.names.service(ServiceName::Cook));
    let keys = world.out();
    std::fs::write(&keys, expeditor::provision::keys::new().unwrap()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_expeditor"));
    command.args(["serve", "cook", "--keys", keys.to_str().unwrap()]);
    command.args(["--listen", "127.0.0.1:0", "--database-url", &url]);
    command.args(["--amqp-url", world.shared.rabbitmq.url()]).env_clear();
    let line = one_line(&command.output().unwrap(), 3);
    assert!(line.contains("run `expeditor migrate`"), "{line}");
}
