//! `docker-compose.yml` and `Dockerfile` against what there is: every command is one that the
//! binary takes, every variable an option, every port, path and file the same on both sides.

use std::{collections::BTreeMap, path::Path};

use expeditor::{
    cli::{Cli, Command},
    config,
    process::options::{RELAY_PORT, port},
    usage,
};
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
    entrypoint: Vec<String>,
    command: Words,
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

/// A command as one text or as a list.
#[derive(Deserialize)]
#[serde(untagged)]
enum Words {
    Text(String),
    List(Vec<String>),
}

impl Default for Words {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

impl Words {
    fn list(&self) -> Vec<String> {
        match self {
            Self::Text(text) => text.split(' ').map(str::to_owned).collect(),
            Self::List(list) => list.clone(),
        }
    }
}

impl Container {
    /// Whether this program runs in it.
    fn is_ours(&self) -> bool {
        self.image == "expeditor"
    }

    /// The command line, read as the binary reads it.
    fn cli(&self) -> Cli {
        let mut words = self.entrypoint.clone();
        if words.is_empty() {
            words.push("expeditor".to_owned());
        }
        words.extend(self.command.list());
        parsed(&words)
    }
}

fn parsed(words: &[String]) -> Cli {
    usage::parse(words).unwrap_or_else(|failure| panic!("{words:?}: {failure}")).unwrap()
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap()
}

fn compose() -> Compose {
    serde_saphyr::from_str(&read("docker-compose.yml")).unwrap()
}

/// The port at the end of an address or a URL.
fn port_of(text: &str) -> u16 {
    text.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or_else(|| panic!("{text}"))
}

#[test]
fn every_command_is_one_that_the_binary_takes() {
    let compose = compose();
    let ours: Vec<_> = compose.services.values().filter(|it| it.is_ours()).collect();
    assert!(ours.len() >= 10, "{}", ours.len());
    for container in &ours {
        assert!(container.cli().command.is_some());
        assert_eq!(container.build.as_deref(), Some("."));
        let mut names: Vec<String> = container.environment.keys().cloned().collect();
        names.retain(|name| name.starts_with("EXPEDITOR_"));
        assert_eq!(usage::unknown_variables(names), Vec::<String>::new());
    }
}

#[test]
fn the_house_is_complete() {
    let compose = compose();
    let mut served = BTreeMap::new();
    let (mut relays, mut names) = (0, Vec::new());
    for container in compose.services.values().filter(|it| it.is_ours()) {
        match container.cli().command {
            Some(Command::Serve(options)) => *served.entry(options.service).or_insert(0) += 1,
            Some(Command::Relay(options)) => {
                relays += 1;
                names.extend(options.name);
            }
            _ => {}
        }
    }
    for service in contracts::ServiceName::ALL {
        let wanted = if service == contracts::ServiceName::Orchestrator { 2 } else { 1 };
        assert_eq!(served.get(service.as_str()), Some(&wanted), "{service}");
    }
    names.dedup();
    assert_eq!((relays, names.len()), (2, 2), "two relays, each with a name of its own");
}

#[test]
fn each_listens_where_it_is_asked_and_published() {
    for (name, container) in &compose().services {
        let (listen, default) = match container.is_ours().then(|| container.cli().command) {
            Some(Some(Command::Serve(options))) => {
                let service = contracts::ServiceName::parse(&options.service).unwrap();
                (options.listen, port(service))
            }
            Some(Some(Command::Relay(options))) => (options.listen, RELAY_PORT),
            _ => continue,
        };
        let listen = listen.unwrap();
        assert!(!listen.ip().is_loopback(), "{name} must be reached from other containers");
        assert_eq!(listen.port(), default, "{name}");
        let test = &container.healthcheck.as_ref().expect(name).test;
        assert_eq!((test[0].as_str(), test[1].as_str()), ("CMD", "expeditor"));
        let Some(Command::Ready(ready)) = parsed(&test[1..]).command else { panic!("{test:?}") };
        assert_eq!(port_of(&ready.url.unwrap()), listen.port(), "{name}");
        for published in &container.ports {
            assert!(published.starts_with("127.0.0.1:"), "{name}: {published}");
            assert_eq!(port_of(published), listen.port(), "{name}: {published}");
        }
    }
}

#[test]
fn servers_come_first_then_provisioning_then_everybody_else() {
    let compose = compose();
    let condition = |name: &str, of: &str| {
        compose.services[name].depends_on.get(of).map(|it| it.condition.clone())
    };
    for server in ["postgres", "rabbitmq"] {
        assert!(compose.services[server].healthcheck.is_some());
        assert_eq!(condition("provision", server).as_deref(), Some("service_healthy"));
    }
    for (name, container) in compose.services.iter().filter(|(_, it)| it.is_ours()) {
        if name != "provision" {
            let wanted = Some("service_completed_successfully");
            assert_eq!(condition(name, "provision").as_deref(), wanted, "{name}");
        }
        for volume in &container.volumes {
            let volume = volume.split(':').next().unwrap();
            assert!(compose.volumes.contains_key(volume), "{name}: {volume}");
        }
    }
}

#[test]
fn files_that_are_read_are_files_that_are_provisioned() {
    let compose = compose();
    let Some(Command::Provision(options)) = compose.services["provision"].cli().command else {
        panic!("provision provisions")
    };
    let out = options.out.unwrap();
    for (name, container) in compose.services.iter().filter(|(_, it)| it.is_ours()) {
        let cli = container.cli();
        let file = match &cli.command {
            Some(Command::Provision(_)) => continue,
            Some(Command::Token(options)) => options.keys.clone().expect(name),
            _ => cli.config.clone().expect(name),
        };
        let wanted = match &cli.command {
            Some(Command::Serve(options)) => format!("{}.toml", options.service),
            Some(Command::Relay(_)) => "relay.toml".to_owned(),
            _ => "keys.json".to_owned(),
        };
        assert_eq!(file, out.join(wanted), "{name}");
        let mounted = format!("credentials:{}:ro", out.display());
        assert_eq!(container.volumes, [mounted], "{name}");
    }
}

#[test]
fn the_image_is_built_from_what_there_is() {
    let dockerfile = read("Dockerfile");
    let toolchain = read("rust-toolchain.toml");
    let version = toolchain.split('"').find(|it| it.starts_with("1.")).unwrap();
    assert!(dockerfile.contains(&format!("FROM rust:{version}-")), "{version}");
    assert!(dockerfile.contains("--package expeditor"));
    assert!(dockerfile.contains("ENTRYPOINT [\"expeditor\"]"));
    assert!(dockerfile.contains("/credentials"), "the volume's owner is that of the directory");
    for kept_out in read(".dockerignore").lines() {
        assert!(!["crates", "migrations", "Cargo.lock", "contracts"].contains(&kept_out));
    }
    assert_eq!(config::LISTEN.port(), port(contracts::ServiceName::Orchestrator));
}
