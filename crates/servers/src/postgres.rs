//! A `PostgreSQL` server: how its data are made, how it is started and asked whether it serves.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::Child,
    time::Duration,
};

use crate::{
    Error, Kind,
    container::{self, Order},
    home::{self, Home},
    host::Host,
    install,
    instance::{Instance, Spec},
    port,
    program::Program,
    random,
};

const USER: &str = "expeditor";
const DATABASE: &str = "postgres";
const IMAGE: &str = "postgres:17-alpine";
/// How long one question to the server may take.
const ASKED: Duration = Duration::from_secs(2);

/// How a server is to be. The default is what most tests want.
#[derive(Clone, Debug, Default)]
pub struct PostgresOptions {
    /// Whether it waits for the disk, so that a commit survives the machine's crash and takes as
    /// long as it does in production. Without it a commit survives that of the server alone.
    pub durable: bool,
    /// Settings of `postgresql.conf` besides.
    pub settings: Vec<(String, String)>,
    /// A certificate and its key, both PEM: with them it also speaks TLS. Not in containers.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Below which directory its data go; by default the system's for temporary files.
    pub directory: Option<PathBuf>,
}

/// A server of one test's own. It ends with this value, and its data with it.
#[derive(Debug)]
pub struct Postgres(Instance<PostgresSpec>);

impl Postgres {
    /// Starts one and waits until it serves.
    pub fn start(options: &PostgresOptions) -> Result<Self, Error> {
        let spec = PostgresSpec::new(options, options.directory.as_deref())?;
        Ok(Self(Instance::start(spec, |_, _| Ok(()))?.hold()))
    }

    /// Where it listens, with the superuser's name and password. The same after a restart.
    pub fn url(&self) -> String {
        self.0.spec.url()
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.0.spec.port
    }

    /// Its first process; none if it runs in a container.
    pub fn pid(&self) -> Option<u32> {
        self.0.pid()
    }

    /// Stops it in order; connections are ended.
    pub fn stop(&mut self) -> Result<(), Error> {
        self.0.stop()
    }

    /// Kills all its processes with SIGKILL.
    pub fn kill(&mut self) -> Result<(), Error> {
        self.0.kill()
    }

    /// Starts it again on its data and port, after stopping it if it runs; waits until it serves.
    pub fn restart(&mut self) -> Result<(), Error> {
        self.0.restart()
    }
}

/// A server as it is to be started.
#[derive(Debug)]
pub(crate) struct PostgresSpec {
    program: Program,
    home: Home,
    port: u16,
    password: String,
    settings: Vec<(String, String)>,
    tls: Option<(PathBuf, PathBuf)>,
}

impl PostgresSpec {
    pub(crate) fn new(options: &PostgresOptions, parent: Option<&Path>) -> Result<Self, Error> {
        let program = install::ensure(Kind::Postgres)?;
        if options.tls.is_some() && program == Program::Engine {
            return Err(Error::failed("TLS is not set up in containers"));
        }
        let mut settings: Vec<(String, String)> = Vec::new();
        if !options.durable {
            settings.extend(["fsync", "full_page_writes"].map(|name| (name.into(), "off".into())));
        }
        settings.push(("max_connections".into(), "500".into()));
        settings.extend_from_slice(&options.settings);
        Ok(Self {
            program,
            home: Home::create(Kind::Postgres, parent)?,
            port: 0,
            password: random::word::<12>()?,
            settings,
            tls: options.tls.clone(),
        })
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://{USER}:{}@127.0.0.1:{}/{DATABASE}", self.password, self.port)
    }

    fn arguments(&self) -> Vec<String> {
        let pair = |(name, value): &(String, String)| ["-c".to_owned(), format!("{name}={value}")];
        self.settings.iter().flat_map(pair).collect()
    }
}

impl Spec for PostgresSpec {
    const KIND: Kind = Kind::Postgres;
    const STOP: &'static str = "INT"; // its fast shutdown: ends connections, writes all
    const END: &'static str = "QUIT"; // its immediate one: gives back what is the system's

    fn home(&self) -> &Home {
        &self.home
    }

    fn prepare(&mut self) -> Result<(), Error> {
        let Program::Binaries(folder) = &self.program else { return Ok(()) };
        let password = self.home.file("password", &self.password)?;
        let mut command = self.home.command(&folder.join("initdb"));
        command.args(["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"]);
        command.args(["--username", USER, "--pgdata"]).arg(self.home.at("data"));
        command.arg("--pwfile").arg(&password);
        home::run(command)?;
        fs::remove_file(&password).map_err(Error::at("remove", &password))?;
        if let Some((certificate, key)) = &self.tls {
            for (name, file) in [("tls.crt", certificate), ("tls.key", key)] {
                let text = fs::read(file).map_err(Error::at("read", file))?;
                let copy = self.home.file(name, text)?.display().to_string();
                let setting = if name == "tls.crt" { "ssl_cert_file" } else { "ssl_key_file" };
                self.settings.push((setting.to_owned(), copy));
            }
            self.settings.push(("ssl".to_owned(), "on".to_owned()));
        }
        Ok(())
    }

    fn choose_ports(&mut self) -> Result<(), Error> {
        [self.port] = port::free()?;
        Ok(())
    }

    fn launch(&mut self) -> Result<(Host, Vec<Child>), Error> {
        match &self.program {
            Program::Binaries(folder) => {
                let mut command = self.home.command(&folder.join("postgres"));
                command.arg("-D").arg(self.home.at("data"));
                command.args(["-p", &self.port.to_string(), "-h", "127.0.0.1", "-k", ""]);
                command.args(self.arguments());
                let (identity, child) = self.home.spawn(command, Kind::Postgres.log())?;
                Ok((Host::Processes(vec![identity]), vec![child]))
            }
            Program::Engine => {
                let name = Kind::Postgres.container(self.port);
                if container::exists(&name) {
                    container::start(&name)?;
                } else {
                    let order = Order {
                        name: &name,
                        image: IMAGE,
                        ports: &[(self.port, 5432)],
                        environment: &[
                            ("POSTGRES_USER", USER),
                            ("POSTGRES_DB", DATABASE),
                            ("POSTGRES_PASSWORD", &self.password),
                        ],
                        arguments: &self.arguments(),
                    };
                    order.run()?;
                }
                Ok((Host::Container(name), Vec::new()))
            }
        }
    }

    fn answers(&self) -> bool {
        answers(self.port).unwrap_or(false)
    }
}

/// Whether a server takes connections: it asks who is there (`R`), rather than telling that it is
/// still starting (`E`).
pub(crate) fn answers(port: u16) -> std::io::Result<bool> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut stream = TcpStream::connect_timeout(&address, ASKED)?;
    stream.set_read_timeout(Some(ASKED))?;
    let parameters = format!("user\0{USER}\0database\0{DATABASE}\0\0");
    let length = u32::try_from(parameters.len() + 8).unwrap_or(u32::MAX);
    let protocol: u32 = 3 << 16;
    let mut message = length.to_be_bytes().to_vec();
    message.extend(protocol.to_be_bytes());
    message.extend(parameters.as_bytes());
    stream.write_all(&message)?;
    let mut kind = [0];
    stream.read_exact(&mut kind)?;
    Ok(kind == *b"R")
}
