//! The files that processes are started with, and where passwords live: each is made once and kept
//! here alone, so a file that is lost means a new password.
//!
//! A file is written, whole, before any server is told what stands in it: a crash in between leaves
//! a password that no server knows yet, and the next run tells it. A file that is there is left as
//! it is, whatever else was written into it.

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use contracts::ServiceName;
use reqwest::Url;
use toml::Table;

use super::{
    keys,
    names::Names,
    passwords::Password,
    places::{Place, plain},
    report::{Outcome, Report},
};
use crate::{
    exit::{Failure, disk},
    lock::DataLock,
};

/// Keys that make tokens.
pub const KEYS: &str = "keys.json";
/// Keys that check them.
pub const PUBLIC_KEYS: &str = "public-keys.json";
const HEAD: &str =
    "# Made by `expeditor provision`. It holds passwords: keep it to whom it is for.\n";

/// The servers, as services are told of them.
pub struct Servers<'a> {
    /// PostgreSQL.
    pub postgres: &'a Place,
    /// RabbitMQ.
    pub amqp: &'a Place,
    /// What everything is called there.
    pub names: &'a Names,
}

/// The passwords of all roles and users, by their names.
#[derive(Debug, Default)]
pub struct Secrets {
    /// PostgreSQL's.
    pub roles: BTreeMap<String, Password>,
    /// RabbitMQ's.
    pub users: BTreeMap<String, Password>,
}

/// The directory. No two processes work on it at a time.
pub struct Directory {
    path: PathBuf,
    _lock: DataLock,
}

impl Directory {
    /// Makes it where it is missing, for nobody else to look into.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(|error| disk(format_args!("cannot make {}", path.display()), &error))?;
        let path = path
            .canonicalize()
            .map_err(|error| disk(format_args!("cannot find {}", path.display()), &error))?;
        let mode = fs::metadata(&path).map(|found| found.mode());
        let mode = mode.map_err(|error| disk(path.display(), &error))?;
        if mode & 0o022 != 0 {
            return Err(Failure::Usage(format!(
                "provision: others may write to {} (mode {:o}), where passwords are to be kept",
                path.display(),
                mode & 0o777
            )));
        }
        // It is named in files.
        if path.to_str().is_none_or(|path| path.contains(char::is_control)) {
            return Err(Failure::Usage(format!(
                "provision: {} is no name for a directory that files can name",
                path.display()
            )));
        }
        Ok(Self { _lock: DataLock::take(&path)?, path })
    }

    /// Looks at what is there, makes passwords for what is not, and says what has to be written.
    /// Writes nothing.
    pub fn plan(&self, servers: &Servers<'_>) -> Result<Plan, Failure> {
        let mut plan = Plan { secrets: Secrets::default(), files: Vec::new() };
        plan.keys(&self.path)?;
        for service in ServiceName::ALL {
            let found = Found::read(self.path.join(format!("{service}.toml")))?;
            plan.service(servers, service, found, &self.path.join(PUBLIC_KEYS))?;
        }
        let found = Found::read(self.path.join("relay.toml"))?;
        plan.relay(servers, found, &self.path.join(PUBLIC_KEYS))?;
        let found = Found::read(self.path.join("auditor.toml"))?;
        plan.auditor(servers, found)?;
        Ok(plan)
    }
}

/// What is to stand in the files.
pub struct Plan {
    /// The passwords in them.
    pub secrets: Secrets,
    files: Vec<Planned>,
}

struct Planned {
    path: PathBuf,
    outcome: Outcome,
    /// Of one that is to be written.
    text: String,
}

impl Plan {
    /// Writes what is missing or no longer right.
    pub fn write(&self, report: &mut Report) -> Result<(), Failure> {
        for file in &self.files {
            if file.outcome != Outcome::There {
                let path = file.path.display();
                write(&file.path, &file.text)
                    .map_err(|error| disk(format_args!("cannot write {path}"), &error))?;
            }
            report.step(format_args!("file {}", file.path.display()), file.outcome);
        }
        Ok(())
    }

    /// Keys for tokens: services are given the public half, with which they can make none. Where
    /// that is there, whoever makes tokens may keep the other one elsewhere.
    fn keys(&mut self, directory: &Path) -> Result<(), Failure> {
        let (pairs, public) = (directory.join(KEYS), directory.join(PUBLIC_KEYS));
        let (known, known_public) = (read(&pairs)?, read(&public)?);
        let mut add = |path: &Path, text: Option<String>, outcome: Outcome| {
            let file = |text| Planned { path: path.to_owned(), outcome, text };
            self.files.extend(text.map(file));
        };
        if known_public.is_some() {
            add(&pairs, known, Outcome::There);
            add(&public, known_public, Outcome::There);
            return Ok(());
        }
        let outcome = if known.is_some() { Outcome::There } else { Outcome::Made };
        let text = known.map_or_else(keys::new, Ok)?;
        let half = keys::public_half(&text)
            .map_err(|why| Failure::Usage(format!("{}: {why}", pairs.display())))?;
        add(&pairs, Some(text), outcome);
        add(&public, Some(half), Outcome::Made);
        Ok(())
    }

    fn service(
        &mut self,
        servers: &Servers<'_>,
        service: ServiceName,
        found: Found,
        keys: &Path,
    ) -> Result<(), Failure> {
        let name = servers.names.service(service);
        let (role, user) = match &found.text {
            Some(_) => {
                let of = |key: &str| found.password(&["serve", key], &name);
                (of("database-url")?, of("amqp-url")?)
            }
            None => (Password::random()?, Password::random()?),
        };
        let text = format!(
            "{HEAD}\n[serve]\ndatabase-url = {}\namqp-url = {}\nkeys = {}\n",
            quoted(servers.postgres.login(&name, role.reveal(), &name).as_str()),
            quoted(servers.amqp.login(&name, user.reveal(), servers.names.vhost()).as_str()),
            quoted(&keys.display().to_string()),
        );
        self.secrets.roles.insert(name.clone(), role);
        self.secrets.users.insert(name, user);
        self.files.push(found.kept_or(text));
        Ok(())
    }

    /// A relay publishes each service's messages as that service's own user of the broker.
    fn relay(
        &mut self,
        servers: &Servers<'_>,
        mut found: Found,
        keys: &Path,
    ) -> Result<(), Failure> {
        let (mut sources, mut brokers) = (String::new(), String::new());
        for service in ServiceName::ALL {
            let (name, role) = (servers.names.service(service), servers.names.relay(service));
            let user = self.secrets.users[&name].clone();
            let password = match &found.text {
                Some(_) => {
                    found.renew(&["relay", "source-amqp-urls", service.as_str()], &name, &user)?;
                    found.password(&["relay", "sources", service.as_str()], &role)?
                }
                None => Password::random()?,
            };
            let source = servers.postgres.login(&role, password.reveal(), &name);
            let broker = servers.amqp.login(&name, user.reveal(), servers.names.vhost());
            sources += &entry(service, &source);
            brokers += &entry(service, &broker);
            self.secrets.roles.insert(role, password);
        }
        let text = format!(
            "{HEAD}\n[relay]\nkeys = {}\n\n[relay.sources]\n{sources}\n\
             [relay.source-amqp-urls]\n{brokers}",
            quoted(&keys.display().to_string()),
        );
        self.files.push(found.kept_or(text));
        Ok(())
    }

    /// One role reads all databases; which of them the URL names makes no difference.
    fn auditor(&mut self, servers: &Servers<'_>, found: Found) -> Result<(), Failure> {
        let role = servers.names.auditor();
        let password = match &found.text {
            Some(_) => found.password(&["audit", "database-url"], &role)?,
            None => Password::random()?,
        };
        let database = servers.names.service(ServiceName::Orchestrator);
        let url = servers.postgres.login(&role, password.reveal(), &database);
        let text = format!(
            "{HEAD}\n[audit]\ndatabase-url = {}\nprefix = {}\n",
            quoted(url.as_str()),
            quoted(servers.names.prefix())
        );
        self.secrets.roles.insert(role, password);
        self.files.push(found.kept_or(text));
        Ok(())
    }
}

/// A file as it was found.
struct Found {
    path: PathBuf,
    /// None where it is missing.
    text: Option<String>,
    table: Table,
    outcome: Outcome,
}

impl Found {
    fn read(path: PathBuf) -> Result<Self, Failure> {
        let text = read(&path)?;
        let outcome = if text.is_some() { Outcome::There } else { Outcome::Made };
        let mut found = Self { path, text, table: Table::new(), outcome };
        let table = found.text.as_deref().unwrap_or_default().parse();
        found.table = table.map_err(|_| found.unfit("it is no TOML"))?;
        Ok(found)
    }

    /// The URL that stands there, which must be one of that user.
    fn url(&self, path: &[&str], user: &str) -> Result<(&str, Url), Failure> {
        let (last, sections) = path.split_last().expect("a key is named");
        let section =
            sections.iter().try_fold(&self.table, |table, name| table.get(*name)?.as_table());
        let text = section.and_then(|section| section.get(*last)?.as_str());
        let url = text.and_then(|text| Some((text, Url::parse(text).ok()?)));
        let of_user = |url: &Url| plain(url.username()) == user && url.password().is_some();
        url.filter(|(_, url)| of_user(url)).ok_or_else(|| {
            self.unfit(&format!("[{}] {last} is no URL of {user}", sections.join(".")))
        })
    }

    fn password(&self, path: &[&str], user: &str) -> Result<Password, Failure> {
        let (_, url) = self.url(path, user)?;
        Ok(Password::known(plain(url.password().unwrap_or_default())))
    }

    /// Puts that password where another one stands. All else in the file stays.
    fn renew(&mut self, path: &[&str], user: &str, password: &Password) -> Result<(), Failure> {
        let (old, mut url) = self.url(path, user)?;
        if plain(url.password().unwrap_or_default()) == password.reveal() {
            return Ok(());
        }
        let _ = url.set_password(Some(password.reveal())); // it has one
        let text = self.text.as_deref().unwrap_or_default();
        let renewed = text.replace(old, url.as_str());
        if renewed == text {
            return Err(self.unfit("a password in it is no longer right"));
        }
        (self.text, self.outcome) = (Some(renewed), Outcome::Changed);
        Ok(())
    }

    fn unfit(&self, why: &str) -> Failure {
        Failure::Usage(format!(
            "{}: {why}; mend it, or remove it to have it made anew with new passwords",
            self.path.display()
        ))
    }

    /// As it was found or renewed, or else that text.
    fn kept_or(self, new: String) -> Planned {
        let text = self.text.unwrap_or(new);
        Planned { path: self.path, outcome: self.outcome, text }
    }
}

/// A line of TOML.
fn entry(service: ServiceName, url: &Url) -> String {
    format!("{service} = {}\n", quoted(url.as_str()))
}

/// A text without control characters, as TOML has it.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The text of a file, none where it is missing.
fn read(path: &Path) -> Result<Option<String>, Failure> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(disk(path.display(), &error)),
    }
}

/// Writes a file whole or not at all, for nobody else to read.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    // What a crash left is none of ours to write into: it may be open to others.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use runtime::auth::Keys;

    use super::*;

    fn place(url: &str, scheme: &str) -> Place {
        Place::read("url", url, &[scheme]).unwrap()
    }

    /// Plans for a directory, writes it, and answers the plan.
    fn provide(dir: &Path) -> Result<(Plan, bool), Failure> {
        let postgres = place("postgres://root:x@db:5432/postgres", "postgres");
        let amqp = place("amqp://admin:x@mq:5672/%2F", "amqp");
        let names = Names::new("x").unwrap();
        let servers = Servers { postgres: &postgres, amqp: &amqp, names: &names };
        let plan = Directory::open(dir)?.plan(&servers)?;
        let mut report = Report::default();
        plan.write(&mut report)?;
        Ok((plan, report.end().contains("nothing was changed")))
    }

    #[test]
    fn files_are_made_once_for_their_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("deep").join("out");
        let (first, nothing) = provide(&out).unwrap();
        assert!(!nothing);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&out), 0o700);
        for file in ["store.toml", "relay.toml", "auditor.toml", KEYS, PUBLIC_KEYS] {
            assert_eq!(mode(&out.join(file)), 0o600, "{file}");
        }
        assert_eq!(first.secrets.roles.len(), 2 * ServiceName::ALL.len() + 1);
        assert_eq!(first.secrets.users.len(), ServiceName::ALL.len());
        let (second, nothing) = provide(&out).unwrap();
        assert!(nothing);
        assert_eq!(second.secrets.roles, first.secrets.roles);
        assert_eq!(second.secrets.users, first.secrets.users);
    }

    #[test]
    fn a_lost_file_means_new_passwords_for_what_it_held_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let (first, _) = provide(dir.path()).unwrap();
        let relay = dir.path().join("relay.toml");
        let noted = fs::read_to_string(&relay).unwrap() + "# a note\n";
        fs::write(&relay, noted).unwrap();
        fs::remove_file(dir.path().join("store.toml")).unwrap();
        let (second, _) = provide(dir.path()).unwrap();
        for (role, password) in &first.secrets.roles {
            let same = second.secrets.roles[role] == *password;
            assert_eq!(same, role != "x_store", "{role}");
        }
        for (user, password) in &first.secrets.users {
            let same = second.secrets.users[user] == *password;
            assert_eq!(same, user != "x_store", "{user}");
        }
        let text = fs::read_to_string(&relay).unwrap();
        assert!(text.contains(second.secrets.users["x_store"].reveal()), "{text}");
        assert!(!text.contains(first.secrets.users["x_store"].reveal()), "{text}");
        assert!(text.ends_with("# a note\n"), "{text}");
        assert!(provide(dir.path()).unwrap().1);
    }

    #[test]
    fn services_are_given_keys_that_make_no_tokens() {
        let dir = tempfile::tempdir().unwrap();
        provide(dir.path()).unwrap();
        let text = |name: &str| fs::read_to_string(dir.path().join(name));
        let (pair, public) = (text(KEYS).unwrap(), text(PUBLIC_KEYS).unwrap());
        assert!(Keys::parse(&pair).unwrap().signing().is_some());
        assert!(Keys::parse(&public).unwrap().signing().is_none());
        for (file, section) in [("store.toml", "serve"), ("relay.toml", "relay")] {
            let table: Table = text(file).unwrap().parse().unwrap();
            let named = table[section]["keys"].as_str().unwrap();
            assert_eq!(Path::new(named), dir.path().canonicalize().unwrap().join(PUBLIC_KEYS));
        }

        fs::remove_file(dir.path().join(PUBLIC_KEYS)).unwrap();
        provide(dir.path()).unwrap();
        assert_eq!(text(PUBLIC_KEYS).unwrap(), public, "it follows from the other one");
        fs::remove_file(dir.path().join(KEYS)).unwrap();
        assert!(provide(dir.path()).unwrap().1, "whoever makes tokens keeps it elsewhere");
        assert!(text(KEYS).is_err());
    }

    #[test]
    fn what_was_added_to_a_file_stays() {
        let dir = tempfile::tempdir().unwrap();
        provide(dir.path()).unwrap();
        let store = dir.path().join("store.toml");
        let text = fs::read_to_string(&store).unwrap().replace("@db:5432", "@other:1")
            + "listen = \"127.0.0.1:9\"\n";
        fs::write(&store, &text).unwrap();
        assert!(provide(dir.path()).unwrap().1);
        assert_eq!(fs::read_to_string(&store).unwrap(), text);
    }

    #[test]
    fn a_file_that_cannot_be_understood_is_named_and_nothing_is_written() {
        for (file, text, says) in [
            ("cook.toml", "x", "no TOML"),
            ("cook.toml", "", "[serve] database-url is no URL of x_cook"),
            ("cook.toml", "[serve]\ndatabase-url = \"postgres://y_cook:p@h/d\"\n", "x_cook"),
            ("relay.toml", "[relay]\n", "[relay.source-amqp-urls] orchestrator"),
            ("auditor.toml", "audit = 1\n", "[audit] database-url is no URL of x_auditor"),
        ] {
            let dir = tempfile::tempdir().unwrap();
            fs::write(dir.path().join(file), text).unwrap();
            let failure = provide(dir.path()).map(|_| ()).unwrap_err();
            assert_eq!(failure.status(), 2);
            let told = failure.to_string();
            assert!(told.contains(file) && told.contains(says), "{told}");
            assert!(!dir.path().join("store.toml").exists());
        }
    }

    #[test]
    fn a_directory_that_others_may_write_to_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o770)).unwrap();
        let failure = provide(dir.path()).map(|_| ()).unwrap_err();
        assert!(failure.status() == 2 && failure.to_string().contains("770"), "{failure}");
    }

    #[test]
    fn what_a_crash_left_half_written_is_in_nobodys_way() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("store.toml.new"), "[ser").unwrap();
        provide(dir.path()).unwrap();
        assert!(!dir.path().join("store.toml.new").exists());
    }
}
