//! Which processes a fleet is made of, and what each is told. Credentials are written to files that
//! only their owner can read: a command line can be read by everybody on the machine.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs::OpenOptions,
    io::Write as _,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use contracts::ServiceName;
use runtime::ports::Ports;
use serde_json::json;

use super::{Fleet, RELAY, Spec, settings};
use crate::{
    config::File,
    exit::{Failure, disk},
    system::Settings,
};

/// By which URLs a service reaches its servers.
#[derive(Clone)]
pub struct Reach {
    /// Its database.
    pub database_url: String,
    /// The broker, as its own user.
    pub amqp_url: String,
}

/// By which URLs all of them reach their servers.
#[derive(Clone)]
pub struct Access {
    /// The services.
    pub services: BTreeMap<ServiceName, Reach>,
    /// The databases of the services, as the relay may see them.
    pub sources: BTreeMap<ServiceName, String>,
    /// The broker, as the user of all sources that have none of their own.
    pub amqp_url: Option<String>,
    /// The broker as the user of each source, where the relay is to speak as these.
    pub source_amqp_urls: BTreeMap<ServiceName, String>,
    /// What tokens are checked with.
    pub keys: Option<PathBuf>,
}

impl Access {
    /// As `expeditor provision --out DIR` has written it down.
    pub fn in_directory(directory: &Path) -> Result<Self, Failure> {
        let read = |name: &str| File::read(Some(&directory.join(format!("{name}.toml"))));
        let lacking = |name: &str, what: &str| {
            Failure::Usage(format!("{}: {name}.toml lacks {what}", directory.display()))
        };
        let mut services = BTreeMap::new();
        let mut keys = None;
        for service in ServiceName::ALL {
            let (name, serve) = (service.as_str(), read(service.as_str())?.serve);
            let reach = Reach {
                database_url: serve.database_url.ok_or_else(|| lacking(name, "database-url"))?,
                amqp_url: serve.amqp_url.ok_or_else(|| lacking(name, "amqp-url"))?,
            };
            services.insert(service, reach);
            keys = keys.or(serve.keys);
        }
        let relay = read("relay")?.relay;
        let by_service = |urls: BTreeMap<String, String>| {
            let of = |(name, url): (String, String)| Some((ServiceName::parse(&name)?, url));
            urls.into_iter().filter_map(of).collect()
        };
        Ok(Self {
            services,
            sources: by_service(relay.sources),
            amqp_url: relay.amqp_url,
            source_amqp_urls: by_service(relay.source_amqp_urls),
            keys,
        })
    }
}

/// Which processes, and how they are told what they need.
#[derive(Clone)]
pub struct FleetPlan {
    /// The program that all of them are.
    pub program: PathBuf,
    /// Where their files of options and their logs are written; must exist.
    pub directory: PathBuf,
    /// How many of each service.
    pub replicas: BTreeMap<ServiceName, u32>,
    /// How many relays.
    pub relays: u32,
    /// By which URLs they reach their servers.
    pub access: Access,
    /// What the services are told.
    pub settings: Settings,
}

impl FleetPlan {
    /// This program: two orchestrators, one of each other service, two relays.
    pub fn new(directory: &Path, access: Access, settings: Settings) -> Result<Self, Failure> {
        let program = this_program()?;
        let two = |service| if service == ServiceName::Orchestrator { 2 } else { 1 };
        Ok(Self {
            program,
            directory: directory.to_owned(),
            replicas: ServiceName::ALL.into_iter().map(|service| (service, two(service))).collect(),
            relays: 2,
            access,
            settings,
        })
    }

    /// Writes the files and starts all of them; answers when each can work.
    pub async fn start(&self, ports: &Ports) -> Result<Fleet, Failure> {
        for (name, text) in self.files()? {
            write(&self.file(&name), &text)?;
        }
        Fleet::start(&self.program, &self.directory, self.specs(), ports).await
    }

    /// The processes: services first, then relays.
    fn specs(&self) -> Vec<Spec> {
        let spec = |name: String, file: &str, words: &[&str]| {
            let mut arguments: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
            arguments.extend(["--config".to_owned(), self.file(file).display().to_string()]);
            Spec { name, arguments }
        };
        let mut specs = Vec::new();
        for (service, replicas) in &self.replicas {
            let name = service.as_str();
            let replica = |number| spec(format!("{name}-{number}"), name, &["serve", name]);
            specs.extend((1..=*replicas).map(replica));
        }
        specs.extend((1..=self.relays).map(|number| {
            let name = format!("{RELAY}-{number}");
            spec(name.clone(), RELAY, &["relay", "--name", &name])
        }));
        specs
    }

    /// The files of options: one a service, one for all relays.
    fn files(&self) -> Result<Vec<(String, String)>, Failure> {
        let mut files = Vec::new();
        for service in self.replicas.keys() {
            let reach = self.access.services.get(service).ok_or_else(|| {
                Failure::Usage(format!("nothing says by which URLs {service} reaches its servers"))
            })?;
            let mut text = "[serve]\n".to_owned();
            option(&mut text, "database-url", &reach.database_url);
            option(&mut text, "amqp-url", &reach.amqp_url);
            if let Some(keys) = &self.access.keys {
                option(&mut text, "keys", &keys.display().to_string());
            }
            text.push_str(&settings::sections(&self.settings));
            files.push((service.to_string(), text));
        }
        let mut text = "[relay]\n".to_owned();
        if let Some(keys) = &self.access.keys {
            option(&mut text, "keys", &keys.display().to_string());
        }
        if let Some(url) = &self.access.amqp_url {
            option(&mut text, "amqp-url", url);
        }
        let tables = [("sources", &self.access.sources), (USERS, &self.access.source_amqp_urls)];
        for (name, urls) in tables {
            let _ = writeln!(text, "\n[relay.{name}]"); // a String takes everything
            for (service, url) in urls {
                option(&mut text, service.as_str(), url);
            }
        }
        files.push((RELAY.to_owned(), text));
        Ok(files)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}.toml"))
    }
}

const USERS: &str = "source-amqp-urls";

/// A text of JSON is one of TOML.
fn option(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "{name} = {}", json!(value)); // a String takes everything
}

/// The file of the program that runs.
pub(super) fn this_program() -> Result<PathBuf, Failure> {
    std::env::current_exe().map_err(|error| disk("cannot find this program's file", &error))
}

/// Writes a file that only its owner can read.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let written = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| disk(format_args!("cannot write {}", path.display()), &error))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn plan(directory: &Path) -> FleetPlan {
        let url = |service: ServiceName, what: &str| format!("{what}://{service}:p\"w@h/x");
        let all = |what: &'static str| {
            ServiceName::ALL.into_iter().map(move |service| (service, url(service, what)))
        };
        let reach = |service| Reach {
            database_url: url(service, "postgres"),
            amqp_url: url(service, "amqp"),
        };
        let access = Access {
            services: ServiceName::ALL.into_iter().map(|it| (it, reach(it))).collect(),
            sources: all("postgres").collect(),
            amqp_url: Some("amqp://relay@h".to_owned()),
            source_amqp_urls: all("amqp").collect(),
            keys: Some("/k/keys.json".into()),
        };
        FleetPlan::new(directory, access, Settings::default()).unwrap()
    }

    #[test]
    fn what_is_written_for_the_processes_is_read_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let plan = plan(dir.path());
        for (name, text) in plan.files().unwrap() {
            write(&plan.file(&name), &text).unwrap();
        }
        let read = Access::in_directory(dir.path()).unwrap();
        assert_eq!(read.services.len(), ServiceName::ALL.len());
        for (service, reach) in &read.services {
            assert_eq!(reach.database_url, format!("postgres://{service}:p\"w@h/x"));
            assert_eq!(reach.amqp_url, format!("amqp://{service}:p\"w@h/x"));
        }
        assert_eq!(read.sources, plan.access.sources);
        assert_eq!(read.source_amqp_urls, plan.access.source_amqp_urls);
        assert_eq!(
            (read.amqp_url, read.keys),
            (plan.access.amqp_url.clone(), plan.access.keys.clone())
        );
        let relay = File::read(Some(&plan.file("relay"))).unwrap().relay;
        assert_eq!(relay.keys, plan.access.keys);
        let mode = std::fs::metadata(plan.file("payment")).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "passwords are for their owner");
    }

    #[test]
    fn two_orchestrators_two_relays_and_one_of_each_other() {
        let plan = plan(Path::new("/d"));
        let names: Vec<String> = plan.specs().into_iter().map(|spec| spec.name).collect();
        let expected = [
            "orchestrator-1",
            "orchestrator-2",
            "payment-1",
            "store-1",
            "cook-1",
            "rider-1",
            "mypage-1",
            "notification-1",
            "relay-1",
            "relay-2",
        ];
        assert_eq!(names, expected);
        let last = plan.specs().pop().unwrap();
        assert_eq!(last.arguments, ["relay", "--name", "relay-2", "--config", "/d/relay.toml"]);
    }
}
