//! A `RabbitMQ` server: its node, its configuration, and the port mapper (`epmd`) that it alone
//! uses.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command},
    time::Duration,
};

use crate::{
    Broker, Error, Kind,
    container::{self, Order},
    home::{self, Home},
    host::Host,
    install,
    instance::{Instance, Spec},
    port,
    program::{self, Program},
    random, wait,
};

const USER: &str = "expeditor";
const VHOST: &str = "expeditor";
const IMAGE: &str = "rabbitmq:4-management-alpine";
/// Dead letters that found no queue are tried again after this many milliseconds; by default after
/// minutes.
const ADVANCED: &str = "[{rabbit, [{dead_letter_worker_publisher_confirm_timeout, 1000}]}].\n";
const LOOPBACK: &str = "-kernel inet_dist_use_interface {127,0,0,1}";
/// How long one question to the server may take.
const ASKED: Duration = Duration::from_secs(2);
const MAPPED: Duration = Duration::from_secs(10);

/// How a server is to be. The default is what most tests want.
#[derive(Clone, Debug, Default)]
pub struct RabbitMqOptions {
    /// Lines of `rabbitmq.conf` besides. Not in containers.
    pub settings: Vec<String>,
    /// A certificate and its key, both PEM: with them it also speaks TLS. Not in containers.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Below which directory its data go; by default the system's for temporary files.
    pub directory: Option<PathBuf>,
}

/// A server of one test's own. It ends with this value, and its data with it.
#[derive(Debug)]
pub struct RabbitMq(Instance<RabbitMqSpec>);

impl RabbitMq {
    /// Starts one and waits until it serves.
    pub fn start(options: &RabbitMqOptions) -> Result<Self, Error> {
        let spec = RabbitMqSpec::new(options, options.directory.as_deref())?;
        Ok(Self(Instance::start(spec, |_, _| Ok(()))?.hold()))
    }

    /// Where it listens, with the administrator's name and password and a virtual host. The same
    /// after a restart.
    pub fn url(&self) -> String {
        self.0.spec.url()
    }

    /// The same, by TLS; for a server that was given a certificate.
    pub fn tls_url(&self) -> Option<String> {
        let spec = &self.0.spec;
        let port = spec.ports.tls;
        let url = || format!("amqps://{USER}:{}@localhost:{port}/{VHOST}", spec.password);
        spec.tls.is_some().then(url)
    }

    /// Its HTTP API, which makes virtual hosts and users.
    pub fn api_url(&self) -> String {
        self.0.spec.api_url()
    }

    /// Makes a virtual host. Answers its URL.
    pub fn vhost(&self, name: &str) -> Result<String, Error> {
        self.broker().vhost(name)
    }

    /// What can be asked of it.
    pub fn broker(&self) -> Broker {
        Broker::new(self.url(), Some(self.api_url()))
    }

    /// Runs its `rabbitmqctl`. Answers what that says.
    pub fn control(&self, arguments: &[&str]) -> Result<String, Error> {
        self.0.spec.control(arguments)
    }

    /// Its first process; none if it runs in a container.
    pub fn pid(&self) -> Option<u32> {
        self.0.pid()
    }

    /// Stops it in order. That takes it some seconds.
    pub fn stop(&mut self) -> Result<(), Error> {
        self.0.stop()
    }

    /// Kills all its processes with SIGKILL.
    pub fn kill(&mut self) -> Result<(), Error> {
        self.0.kill()
    }

    /// Starts it again on its data and ports, after stopping it if it runs; waits until it serves.
    pub fn restart(&mut self) -> Result<(), Error> {
        self.0.restart()
    }
}

/// What it listens on, loopback all of them.
#[derive(Clone, Copy, Debug, Default)]
struct Ports {
    amqp: u16,
    tls: u16,
    api: u16,
    /// Where its command-line tools would reach the node, and where they ask for that.
    node: u16,
    mapper: u16,
}

/// A server as it is to be started.
#[derive(Debug)]
pub(crate) struct RabbitMqSpec {
    program: Program,
    home: Home,
    ports: Ports,
    password: String,
    settings: Vec<String>,
    tls: Option<(PathBuf, PathBuf)>,
}

impl RabbitMqSpec {
    pub(crate) fn new(options: &RabbitMqOptions, parent: Option<&Path>) -> Result<Self, Error> {
        let program = install::ensure(Kind::RabbitMq)?;
        let particular = options.tls.is_some() || !options.settings.is_empty();
        if particular && program == Program::Engine {
            return Err(Error::failed("neither TLS nor settings are set up in containers"));
        }
        Ok(Self {
            program,
            home: Home::create(Kind::RabbitMq, parent)?,
            ports: Ports::default(),
            password: random::word::<12>()?,
            settings: options.settings.clone(),
            tls: options.tls.clone(),
        })
    }

    pub(crate) fn url(&self) -> String {
        format!("amqp://{USER}:{}@127.0.0.1:{}/{VHOST}", self.password, self.ports.amqp)
    }

    pub(crate) fn api_url(&self) -> String {
        format!("http://{USER}:{}@127.0.0.1:{}", self.password, self.ports.api)
    }

    /// The user and virtual host are made at the first start, in place of `guest` and `/`.
    fn configuration(&self) -> String {
        let Ports { amqp, tls, api, .. } = self.ports;
        let mut lines = vec![
            format!("listeners.tcp.1 = 127.0.0.1:{amqp}"),
            format!("default_user = {USER}"),
            format!("default_pass = {}", self.password),
            format!("default_vhost = {VHOST}"),
            "default_user_tags.administrator = true".to_owned(),
            "management.tcp.ip = 127.0.0.1".to_owned(),
            format!("management.tcp.port = {api}"),
            // Its statistics cost time with every message and are not looked at.
            "management_agent.disable_metrics_collector = true".to_owned(),
            "log.file = false".to_owned(),
            "log.console = true".to_owned(),
            "log.console.level = info".to_owned(),
        ];
        if self.tls.is_some() {
            lines.push(format!("listeners.ssl.1 = 127.0.0.1:{tls}"));
            for (name, file) in [("certfile", "tls.crt"), ("keyfile", "tls.key")] {
                lines.push(format!("ssl_options.{name} = {}", self.home.at(file).display()));
            }
            lines.push("ssl_options.verify = verify_none".to_owned());
        }
        lines.extend_from_slice(&self.settings);
        lines.join("\n") + "\n"
    }

    /// A program of its, with all that is not the system's.
    fn command(&self, program: &Path) -> Command {
        let mut command = self.home.command(program);
        command.envs([
            ("ERL_EPMD_ADDRESS", "127.0.0.1"),
            ("ERL_EPMD_PORT", &self.ports.mapper.to_string()),
            ("RABBITMQ_NODENAME", "expeditor@localhost"),
        ]);
        for (variable, name) in [
            ("RABBITMQ_CONF_ENV_FILE", "none"),
            ("RABBITMQ_CONFIG_FILE", "rabbitmq.conf"),
            ("RABBITMQ_ADVANCED_CONFIG_FILE", "advanced.config"),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", "enabled_plugins"),
            ("RABBITMQ_MNESIA_BASE", "data"),
            ("RABBITMQ_LOG_BASE", "log"),
            ("RABBITMQ_PID_FILE", "pid"),
        ] {
            command.env(variable, self.home.at(name));
        }
        command
    }

    fn control(&self, arguments: &[&str]) -> Result<String, Error> {
        match &self.program {
            Program::Binaries(folder) => {
                let mut command = self.command(&folder.join("rabbitmqctl"));
                command.env("RABBITMQ_CTL_ERL_ARGS", LOOPBACK).args(arguments);
                home::run(command)
            }
            Program::Engine => {
                let name = Kind::RabbitMq.container(self.ports.amqp);
                container::execute(&name, &[&["rabbitmqctl"], arguments].concat())
            }
        }
    }

    /// Starts the port mapper first, so that it is known by its process and ends with the server;
    /// the server would start one that stays.
    fn launch_here(&self, folder: &Path) -> Result<(Host, Vec<Child>), Error> {
        let mapper = mapper().ok_or_else(|| {
            Error::Missing("missing: epmd, a part of Erlang; on Debian: erlang-base".to_owned())
        })?;
        self.home.file("rabbitmq.conf", self.configuration())?;
        self.home.file("advanced.config", ADVANCED)?;
        let port = self.ports.mapper.to_string();
        let mut command = self.home.command(&mapper);
        command.args(["-address", "127.0.0.1", "-port", &port]);
        let (mapper, mapper_child) = self.home.spawn(command, "epmd.log")?;
        wait::until(MAPPED, || (port::taken(self.ports.mapper) || !mapper.alive()).then_some(()));

        let mut command = self.command(&folder.join("rabbitmq-server"));
        command.envs([
            ("RABBITMQ_DIST_PORT", self.ports.node.to_string()),
            ("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", LOOPBACK.to_owned()),
            // The server's script becomes the server, rather than its parent.
            ("detached", "true".to_owned()),
        ]);
        let (server, server_child) = match self.home.spawn(command, Kind::RabbitMq.log()) {
            Ok(started) => started,
            Err(error) => {
                mapper.kill_group();
                return Err(error);
            }
        };
        Ok((Host::Processes(vec![server, mapper]), vec![server_child, mapper_child]))
    }

    fn launch_contained(&self) -> Result<(Host, Vec<Child>), Error> {
        let name = Kind::RabbitMq.container(self.ports.amqp);
        if container::exists(&name) {
            container::start(&name)?;
        } else {
            let order = Order {
                name: &name,
                image: IMAGE,
                ports: &[(self.ports.amqp, 5672), (self.ports.api, 15_672)],
                environment: &[
                    ("RABBITMQ_DEFAULT_USER", USER),
                    ("RABBITMQ_DEFAULT_PASS", &self.password),
                    ("RABBITMQ_DEFAULT_VHOST", VHOST),
                ],
                arguments: &[],
            };
            order.run()?;
        }
        Ok((Host::Container(name), Vec::new()))
    }
}

impl Spec for RabbitMqSpec {
    const KIND: Kind = Kind::RabbitMq;
    const STOP: &'static str = "TERM";
    const END: &'static str = "KILL"; // an orderly stop takes it seconds

    fn home(&self) -> &Home {
        &self.home
    }

    fn prepare(&mut self) -> Result<(), Error> {
        for folder in ["data", "log"] {
            self.home.folder(folder)?;
        }
        self.home.file("enabled_plugins", "[rabbitmq_management].\n")?;
        if let Some((certificate, key)) = &self.tls {
            for (name, file) in [("tls.crt", certificate), ("tls.key", key)] {
                self.home.file(name, fs::read(file).map_err(Error::at("read", file))?)?;
            }
        }
        Ok(())
    }

    fn choose_ports(&mut self) -> Result<(), Error> {
        let [amqp, tls, api, node, mapper] = port::free()?;
        self.ports = Ports { amqp, tls, api, node, mapper };
        Ok(())
    }

    fn launch(&mut self) -> Result<(Host, Vec<Child>), Error> {
        match &self.program {
            Program::Binaries(folder) => self.launch_here(folder),
            Program::Engine => self.launch_contained(),
        }
    }

    fn answers(&self) -> bool {
        answers(self.ports.amqp).unwrap_or(false)
            && Broker::new(self.url(), Some(self.api_url())).answers()
    }
}

fn mapper() -> Option<PathBuf> {
    let known = ["/usr/lib/erlang/bin/epmd", "/usr/local/lib/erlang/bin/epmd"];
    program::in_path("epmd").or_else(|| known.iter().map(PathBuf::from).find(|path| path.is_file()))
}

/// Whether a server takes connections: to a greeting it answers with a method frame (1).
pub(crate) fn answers(port: u16) -> std::io::Result<bool> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut stream = TcpStream::connect_timeout(&address, ASKED)?;
    stream.set_read_timeout(Some(ASKED))?;
    stream.write_all(b"AMQP\0\0\x09\x01")?;
    let mut kind = [0];
    stream.read_exact(&mut kind)?;
    Ok(kind == [1])
}
