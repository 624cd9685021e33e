//! TLS from end to end: servers with certificates of the test's own CA, set up and used by the
//! program over TLS alone; and what is said in one line where that cannot be.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    path::Path,
    process::{Command, Output, Stdio},
};

use servers::{Authority, Postgres, PostgresOptions, RabbitMq, RabbitMqOptions};

struct World {
    authority: Authority,
    postgres: Postgres,
    rabbitmq: RabbitMq,
    api_port: u16,
    dir: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let authority = Authority::new().unwrap();
        let tls = authority.server().unwrap();
        let postgres = PostgresOptions { tls: Some(tls.clone()), ..PostgresOptions::default() };
        let api_port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (certificate, key) = (tls.0.display(), tls.1.display());
        let settings = vec![
            "management.ssl.ip = 127.0.0.1".to_owned(),
            format!("management.ssl.port = {api_port}"),
            format!("management.ssl.certfile = {certificate}"),
            format!("management.ssl.keyfile = {key}"),
        ];
        let rabbitmq =
            RabbitMqOptions { tls: Some(tls.clone()), settings, ..RabbitMqOptions::default() };
        Self {
            postgres: Postgres::start(&postgres).unwrap(),
            rabbitmq: RabbitMq::start(&rabbitmq).unwrap(),
            authority,
            api_port,
            dir: tempfile::tempdir().unwrap(),
        }
    }

    /// By the name that its certificate is for.
    fn database(&self) -> String {
        let url = self.postgres.url().replace("127.0.0.1", "localhost");
        format!("{url}?sslmode=verify-full")
    }

    fn api(&self) -> String {
        format!("https://localhost:{}", self.api_port)
    }

    /// Passwords that nobody is to see.
    fn passwords(&self) -> [String; 2] {
        [self.postgres.url(), self.rabbitmq.url()]
            .map(|url| url.split([':', '@']).nth(2).unwrap().to_owned())
    }

    /// The program where the system trusts the CA of that file alone.
    fn expeditor(&self, ca_file: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_expeditor"));
        command.args(arguments).env_clear().env("SSL_CERT_FILE", ca_file);
        command.current_dir(self.dir.path()).stdin(Stdio::null());
        command
    }

    fn provision(&self, ca_file: &Path, database: &str, amqp: &str, api: &str) -> Output {
        let arguments = ["provision", "--out", "out", "--database-url", database];
        let mut command = self.expeditor(ca_file, &arguments);
        command.args(["--amqp-url", amqp, "--amqp-api-url", api]).output().unwrap()
    }

    /// One line with that status, which names all of these and shows no password.
    #[track_caller]
    fn refused(&self, output: &Output, status: i32, parts: &[&str]) {
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(status), "{told}");
        assert_eq!(told.trim_end().lines().count(), 1, "{told}");
        for part in parts {
            assert!(told.contains(part), "{part:?} is not in {told:?}");
        }
        for password in self.passwords() {
            assert!(!told.contains(&password), "{told}");
        }
    }
}

/// What a service's file says, with something else in its place.
fn other(file: &Path, from: &str, to: &str) -> tempfile::NamedTempFile {
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{from} is not in {text}");
    let other = tempfile::NamedTempFile::new_in(file.parent().unwrap()).unwrap();
    std::fs::write(&other, text.replace(from, to)).unwrap();
    other
}

#[test]
fn servers_are_set_up_and_used_by_tls_and_nobody_else_is_taken_for_them() {
    let world = World::new();
    let ca = world.authority.ca_file();
    let stranger = Authority::new().unwrap();
    let (database, api) = (world.database(), world.api());
    let amqp = world.rabbitmq.tls_url().unwrap();

    // Each of the three that is not who it is to be ends it before anything is changed.
    let unknown = "unknown issuer";
    let output = world.provision(&stranger.ca_file(), &database, &amqp, &api);
    world.refused(&output, 3, &["PostgreSQL at localhost:", "TLS: ", unknown]);
    let other_ca = format!("?cacertfile={}", stranger.ca_file().display());
    let output = world.provision(&ca, &database, &amqp, &format!("{api}{other_ca}"));
    world.refused(&output, 3, &["RabbitMQ's API at https://localhost:", "TLS: ", unknown]);
    let by_address = api.replace("localhost", "127.0.0.1");
    let output = world.provision(&ca, &database, &amqp, &by_address);
    world.refused(&output, 3, &["TLS: ", "not valid for the host 127.0.0.1"]);
    let in_the_clear = world.rabbitmq.api_url().replace("http://", "https://");
    let output = world.provision(&ca, &database, &amqp, &in_the_clear);
    world.refused(&output, 3, &["RabbitMQ's API at https://127.0.0.1:"]);
    assert!(!world.dir.path().join("out").exists());
    for (database, amqp, api, says) in [
        ("postgres://u:p@db.example/d?sslmode=require", &*amqp, &*api, "use verify-full"),
        (&*database, "amqp://u:p@mq.example", &*api, "mq.example:5672 is another machine"),
        (&*database, &*amqp, "http://u:p@mq.example:15672", "mq.example is another machine"),
    ] {
        let output = world.provision(&ca, database, amqp, api);
        world.refused(&output, 2, &[says]);
    }

    let output = world.provision(&ca, &database, &amqp, &api);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let file = world.dir.path().join("out").join("payment.toml");
    let serve = |ca_file: &Path, file: &Path| {
        let arguments = ["serve", "payment", "--listen", "127.0.0.1:0", "--config"];
        let mut command = world.expeditor(ca_file, &arguments);
        command.arg(file).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    let mut serving = serve(&ca, &file).spawn().unwrap();
    let mut greeting = String::new();
    BufReader::new(serving.stdout.take().unwrap()).read_line(&mut greeting).unwrap();
    serving.kill().unwrap();
    let log = serving.wait_with_output().unwrap().stderr;
    assert!(greeting.contains("http://127.0.0.1:"), "{greeting}{}", String::from_utf8_lossy(&log));

    // A service ends rather than wait for a broker to become another one.
    world.refused(
        &serve(&stranger.ca_file(), &file).output().unwrap(),
        3,
        &["payment at localhost:", "TLS: ", unknown],
    );
    let tls_port = amqp.rsplit([':', '/']).nth(1).unwrap();
    let (vhost, wrong_ca) =
        (format!("{tls_port}/expeditor\""), format!("{tls_port}/expeditor{other_ca}\""));
    let trusting_another = other(&file, &vhost, &wrong_ca);
    world.refused(
        &serve(&ca, trusting_another.path()).output().unwrap(),
        3,
        &["RabbitMQ at localhost:", "as expeditor_payment", "cannot be trusted", unknown],
    );
    let amqps = format!("localhost:{tls_port}");
    let by_address = other(&file, &amqps, &format!("127.0.0.1:{tls_port}"));
    world.refused(
        &serve(&ca, by_address.path()).output().unwrap(),
        3,
        &["cannot be trusted", "not valid for the host 127.0.0.1"],
    );
    let url = world.rabbitmq.url();
    let plain_port = url.rsplit([':', '/']).nth(1).unwrap();
    let to_plain = other(&file, &amqps, &format!("localhost:{plain_port}"));
    world.refused(
        &serve(&ca, to_plain.path()).output().unwrap(),
        3,
        &["cannot be trusted", "what it answers is not TLS"],
    );
}
