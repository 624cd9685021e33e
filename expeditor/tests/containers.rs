//! `docker-compose.yml` and `Dockerfile` against what there is: every command is one that the
//! binary takes, every variable an option, every port, path and file the same on both sides.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use contracts::ServiceName;
use expeditor::{
    cli::{Cli, Command},
    management::Management,
    process::options::{RELAY_PORT, port},
    usage,
};
use reqwest::Url;
use runtime::{broker::rabbitmq, db::postgres::Connect, ports::Ports};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Compose {
    services: BTreeMap<String, Container>,
    volumes: BTreeMap<String, Value>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Container {
    image: String,
    build: Option<String>,
    profiles: Vec<String>,
    entrypoint: Vec<String>,
    command: Option<String>,
    environment: BTreeMap<String, String>,
    healthcheck: Option<Health>,
    depends_on: BTreeMap<String, Condition>,
    ports: Vec<String>,
    volumes: Vec<String>,
}

#[derive(Deserialize)]
struct Health {
    test: Vec<String>,
}

#[derive(Deserialize)]
struct Condition {
    condition: String,
}

impl Container {
    /// Whether this program runs in it.
    fn is_ours(&self) -> bool {
        self.image == "expeditor"
    }

    /// What is typed to run it, read as the binary reads it. `more` comes last.
    fn cli(&self, more: &[&str]) -> Cli {
        let image = ["expeditor".to_owned()];
        let first = if self.entrypoint.is_empty() { &image[..] } else { &self.entrypoint };
        let command = self.command.as_deref().unwrap_or_default().split_whitespace();
        let words = first.iter().map(String::as_str).chain(command).chain(more.iter().copied());
        parsed(&words.collect::<Vec<_>>())
    }
}

impl Compose {
    fn ours(&self) -> impl Iterator<Item = (&str, &Container)> {
        let all = self.services.iter().map(|(name, container)| (name.as_str(), container));
        all.filter(|(_, container)| container.is_ours())
    }

    /// Those that run this program for good, or once before all others.
    fn started(&self) -> impl Iterator<Item = (&str, &Container, Command)> {
        let started = self.ours().filter(|(_, container)| container.profiles.is_empty());
        started.map(|(name, container)| (name, container, container.cli(&[]).command.unwrap()))
    }
}

fn parsed(words: &[&str]) -> Cli {
    let read = usage::parse(words).unwrap_or_else(|failure| panic!("{words:?}: {failure}"));
    read.unwrap_or_else(|help| panic!("{words:?}: {help}"))
}

fn read(file: &str) -> String {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    std::fs::read_to_string(root.join(file)).unwrap()
}

fn compose() -> Compose {
    serde_saphyr::from_str(&read("docker-compose.yml")).unwrap()
}

/// The port at the end of an address or a URL.
fn port_of(text: &str) -> u16 {
    text.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or_else(|| panic!("{text}"))
}

/// Whether the program would connect there.
fn can_be_used(url: &Url) -> bool {
    let broker: Url = "amqps://admin:x@rabbitmq".parse().unwrap();
    match url.scheme() {
        "postgres" => Connect::to(url.as_str()).is_ok(),
        "amqp" => rabbitmq::check_url(url.as_str()).is_ok(),
        _ => Management::new(url.as_str(), &broker, &Ports::system()).is_ok(),
    }
}

/// Where it listens and where by default.
fn listens(command: &Command) -> Option<(std::net::SocketAddr, u16)> {
    match command {
        Command::Serve(options) => {
            let service = ServiceName::parse(&options.service).unwrap();
            Some((options.listen.unwrap(), port(service)))
        }
        Command::Relay(options) => Some((options.listen.unwrap(), RELAY_PORT)),
        _ => None,
    }
}

#[test]
fn each_service_is_served_and_two_relays_have_names_of_their_own() {
    let compose = compose();
    let mut served = BTreeMap::new();
    let (mut relays, mut names) = (0, BTreeSet::new());
    for (_, _, command) in compose.started() {
        match command {
            Command::Serve(options) => *served.entry(options.service).or_insert(0) += 1,
            Command::Relay(options) => {
                relays += 1;
                names.extend(options.name);
            }
            _ => {}
        }
    }
    for service in ServiceName::ALL {
        let wanted = if service == ServiceName::Orchestrator { 2 } else { 1 };
        assert_eq!(served.get(service.as_str()), Some(&wanted), "{service}");
    }
    assert_eq!((relays, names.len()), (2, 2), "{names:?}");
}

#[test]
fn what_is_said_to_be_typed_can_be_typed() {
    let (text, compose) = (read("docker-compose.yml"), compose());
    let lines = text.lines().filter_map(|line| line.strip_prefix("#   docker compose "));
    let mut tools: BTreeSet<_> =
        compose.ours().filter(|(_, it)| !it.profiles.is_empty()).map(|(name, _)| name).collect();
    for line in lines {
        let line = line.split('#').next().unwrap();
        let mut words = line.split_whitespace();
        let what = words.next().unwrap();
        let mut words = words.skip_while(|word| word.starts_with("--"));
        let Some(name) = words.next() else { continue };
        let container = compose.services.get(name).unwrap_or_else(|| panic!("{line}"));
        if what == "run" {
            let more: Vec<_> = words.collect();
            assert!(container.cli(&more).command.is_some(), "{line}");
            tools.remove(name);
        }
    }
    assert!(tools.is_empty(), "nobody says how to run {tools:?}");
}

#[test]
fn every_variable_is_an_option() {
    for (name, container) in compose().ours() {
        let unknown = usage::unknown_variables(container.environment.keys().cloned());
        assert_eq!(unknown, Vec::<String>::new(), "{name}");
        assert!(container.environment.keys().all(|it| it.starts_with("EXPEDITOR_")), "{name}");
    }
}

#[test]
fn servers_are_named_as_their_containers_are() {
    let compose = compose();
    let variables = &compose.services["provision"].environment;
    for (variable, scheme, host, port) in [
        ("EXPEDITOR_DATABASE_URL", "postgres", "postgres", 5432),
        ("EXPEDITOR_AMQP_URL", "amqp", "rabbitmq", 5672),
        ("EXPEDITOR_AMQP_API_URL", "http", "rabbitmq", 15672),
    ] {
        // As with the password's default.
        let (before, after) =
            variables[variable].split_once("${").unwrap_or((&variables[variable], ""));
        let after = after.split_once(":-").map_or("", |(_, rest)| rest).replacen('}', "", 1);
        let url: Url = format!("{before}{after}").parse().unwrap();
        assert_eq!((url.scheme(), url.host_str(), url.port()), (scheme, Some(host), Some(port)));
        // In the clear, since it is said.
        let clear = if scheme == "postgres" { "sslmode=disable" } else { "tls=disable" };
        assert_eq!(url.query(), Some(clear), "{variable}");
        assert!(can_be_used(&url), "{variable}");
        if scheme != "postgres" {
            let mut silent = url.clone();
            silent.set_query(None);
            assert!(!can_be_used(&silent), "{variable}");
        }
        let server = &compose.services[host];
        assert!(!server.is_ours());
        if scheme != "http" {
            let who = |name: &str| server.environment.get(name).map(String::as_str);
            let user = who("POSTGRES_USER").or_else(|| who("RABBITMQ_DEFAULT_USER"));
            assert_eq!(Some(url.username()), user);
            assert_eq!(url.password(), Some("expeditor"));
            let password = who("POSTGRES_PASSWORD").or_else(|| who("RABBITMQ_DEFAULT_PASS"));
            assert_eq!(password, Some("${ADMIN_PASSWORD:-expeditor}"));
        }
    }
}

#[test]
fn each_listens_where_it_is_asked_and_published() {
    let compose = compose();
    let mut here = BTreeSet::new();
    for (name, container, command) in compose.started() {
        let Some((listen, default)) = listens(&command) else { continue };
        assert!(!listen.ip().is_loopback(), "{name} must be reached from other containers");
        assert_eq!(listen.port(), default, "{name}");
        let test = &container.healthcheck.as_ref().expect(name).test;
        let test: Vec<_> = test.iter().map(String::as_str).collect();
        assert_eq!(test[0], "CMD");
        let Some(Command::Ready(ready)) = parsed(&test[1..]).command else { panic!("{test:?}") };
        assert_eq!(port_of(&ready.url.unwrap()), default, "{name}");
        assert_eq!(container.ports.len(), 1, "{name}");
        assert_eq!(port_of(&container.ports[0]), default, "{name}");
    }
    for (name, container) in &compose.services {
        for published in &container.ports {
            let on_loopback = published.strip_prefix("127.0.0.1:");
            let port = on_loopback.unwrap_or_else(|| panic!("{name}: {published}"));
            assert!(here.insert(port.split(':').next().unwrap()), "{name}: {published} is taken");
        }
    }
}

#[test]
fn servers_come_first_then_provisioning_then_everybody_else() {
    let compose = compose();
    let condition = |name: &str, of: &str| {
        compose.services[name].depends_on.get(of).map(|it| it.condition.as_str())
    };
    assert!(compose.services["provision"].profiles.is_empty());
    for server in ["postgres", "rabbitmq"] {
        assert!(compose.services[server].healthcheck.is_some());
        assert_eq!(condition("provision", server), Some("service_healthy"));
    }
    for (name, container) in compose.ours() {
        let one = name == "provision";
        // Two that build one image at once get in each other's way.
        assert_eq!(container.build.as_deref(), one.then_some("."), "{name}");
        if !one {
            let wanted = Some("service_completed_successfully");
            assert_eq!(condition(name, "provision"), wanted, "{name}");
        }
    }
    for (name, container) in &compose.services {
        for volume in &container.volumes {
            let volume = volume.split(':').next().unwrap();
            assert!(compose.volumes.contains_key(volume), "{name}: {volume}");
        }
    }
}

/// What those files are called is held by `provision`'s own tests.
#[test]
fn files_that_are_read_are_files_that_are_provisioned() {
    let compose = compose();
    let Some(Command::Provision(options)) = compose.services["provision"].cli(&[]).command else {
        panic!("provision provisions")
    };
    let out = options.out.unwrap();
    let mounted = format!("credentials:{}", out.display());
    for (name, container) in compose.ours() {
        let more: &[&str] = if name == "token" { &["--role", "operator"] } else { &[] };
        let cli = container.cli(more);
        let file = match cli.command.unwrap() {
            Command::Provision(_) => {
                assert_eq!(container.volumes, [mounted.as_str()]);
                continue;
            }
            Command::Serve(options) => format!("{}.toml", options.service),
            Command::Relay(_) => "relay.toml".to_owned(),
            Command::Audit(_) => "auditor.toml".to_owned(),
            Command::Token(options) => {
                assert_eq!(options.keys.unwrap(), out.join("keys.json"));
                assert_eq!(container.volumes, [format!("{mounted}:ro")]);
                continue;
            }
            other => panic!("{name}: {other:?}"),
        };
        assert_eq!(cli.config, Some(out.join(file)), "{name}");
        assert_eq!(container.volumes, [format!("{mounted}:ro")], "{name}");
    }
    // A volume that is new is owned by whom its directory in the image is owned.
    let directory = format!("--owner=expeditor --group=expeditor --mode=0700 {}", out.display());
    assert!(read("Dockerfile").contains(&directory), "{directory}");
}

#[test]
fn the_image_is_built_from_what_there_is() {
    let dockerfile = read("Dockerfile");
    let toolchain: toml::Table = read("rust-toolchain.toml").parse().unwrap();
    let version = toolchain["toolchain"]["channel"].as_str().unwrap();
    assert!(dockerfile.contains(&format!("FROM rust:{version}-")), "{version}");
    assert!(dockerfile.contains(concat!("--package ", env!("CARGO_PKG_NAME"))));
    assert!(dockerfile.contains("target/release/expeditor /expeditor"));
    assert!(dockerfile.contains("\nUSER expeditor\nENTRYPOINT [\"expeditor\"]"));
    // What is compiled in or needed to compile is not kept out.
    let ignored = read(".dockerignore");
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    let members = manifest["workspace"]["members"].as_array().unwrap().iter();
    let mut needed: BTreeSet<_> =
        members.map(|it| it.as_str().unwrap().split('/').next().unwrap()).collect();
    needed.extend(["Cargo.toml", "Cargo.lock", "migrations", ".cargo"]);
    for kept_out in ignored.lines() {
        assert!(!needed.contains(kept_out.trim_matches('/')), "{kept_out}");
    }
}
