//! A RabbitMQ of the test binary's own: free loopback ports, its own directories, its own cookie.
//!
//! It ends with the test binary, however that ends: a shell that holds the reading end of a pipe
//! ends it when the pipe closes. It touches no other server and is reached by loopback only.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// How long the server may take to start.
const START_WITHIN: Duration = Duration::from_secs(120);
/// Virtual hosts that are made ahead: one for each test.
const VHOSTS: usize = 48;

/// Ends everything in the server's session when its standard input closes.
const WATCH: &str = r#"
setsid sh -c 'epmd -port "$ERL_EPMD_PORT" -address 127.0.0.1 & exec "$0"' "$SERVER" \
    </dev/null >"$LOGS" 2>&1 &
read -r _
kill -s KILL -- "-$!"
rm -rf "$DIRECTORY"
"#;

/// A server that runs.
pub(crate) struct Server {
    directory: PathBuf,
    programs: PathBuf,
    owner: Option<(u32, u32)>,
    port: u16,
    dist: u16,
    epmd: u16,
    vhosts: AtomicUsize,
    /// Ends the server when its standard input closes: with this process.
    watch: Option<Child>,
}

/// The server of this test binary; starts with the first call.
pub(crate) fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start)
}

impl Server {
    #[allow(clippy::disallowed_methods, reason = "waits for a process of the machine")]
    fn start() -> Self {
        let ports: Vec<TcpListener> =
            (0..3).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()).collect();
        let [port, dist, epmd] =
            [0, 1, 2].map(|index: usize| ports[index].local_addr().unwrap().port());
        drop(ports);
        let directory =
            std::env::temp_dir().join(format!("rabbitmq-{}-{port}", std::process::id()));
        let mut server = Self {
            programs: programs(),
            owner: owner(),
            directory,
            port,
            dist,
            epmd,
            vhosts: AtomicUsize::new(0),
            watch: None,
        };
        server.make_directory();
        server.run();
        let began = Instant::now();
        while !server.is_up() {
            assert!(began.elapsed() < START_WITHIN, "no RabbitMQ: {}", server.logs());
            std::thread::sleep(Duration::from_millis(200));
        }
        server.make_vhosts();
        server
    }

    fn make_directory(&self) {
        fs::create_dir_all(&self.directory).unwrap();
        // Dead letters that found no queue are tried again after this long; by default minutes.
        let advanced = "[{rabbit, [{dead_letter_worker_publisher_confirm_timeout, 1000}]}].";
        fs::write(self.directory.join("advanced.config"), advanced).unwrap();
        fs::write(self.directory.join("plugins"), "[].").unwrap();
        let config = format!(
            "listeners.tcp.1 = 127.0.0.1:{}\nloopback_users.guest = true\n\
             vm_memory_high_watermark.relative = 0.6\ndisk_free_limit.absolute = 1MB\n",
            self.port
        );
        fs::write(self.directory.join("rabbitmq.conf"), config).unwrap();
        let cookie = self.directory.join(".erlang.cookie");
        fs::write(&cookie, format!("{:032x}", uuid::Uuid::from_u128(self.port.into()).as_u128()))
            .unwrap();
        fs::set_permissions(&cookie, std::os::unix::fs::PermissionsExt::from_mode(0o400)).unwrap();
        if let Some((user, group)) = self.owner {
            for path in [&self.directory, &cookie] {
                std::os::unix::fs::chown(path, Some(user), Some(group)).unwrap();
            }
        }
    }

    /// A program of RabbitMQ's with the environment of this server.
    fn program(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        let path = |name: &str| self.directory.join(name);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("LANG", "C.UTF-8")
            .env("HOME", &self.directory)
            .env("RABBITMQ_NODENAME", format!("test-{}@localhost", self.port))
            .env("RABBITMQ_NODE_PORT", self.port.to_string())
            .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_DIST_PORT", self.dist.to_string())
            .env("ERL_EPMD_PORT", self.epmd.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-start_epmd false +S 2:2")
            .env("RABBITMQ_CONF_ENV_FILE", path("none"))
            .env("RABBITMQ_CONFIG_FILE", path("rabbitmq.conf"))
            .env("RABBITMQ_ADVANCED_CONFIG_FILE", path("advanced.config"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", path("plugins"))
            .env("RABBITMQ_MNESIA_BASE", path("mnesia"))
            .env("RABBITMQ_LOG_BASE", path("log"))
            .env("RABBITMQ_PID_FILE", path("pid"))
            .current_dir(&self.directory);
        if let Some((user, group)) = self.owner {
            command.uid(user).gid(group);
        }
        command
    }

    fn run(&mut self) {
        let watch = self
            .program("/bin/sh")
            .args(["-c", WATCH])
            .env("SERVER", self.programs.join("rabbitmq-server"))
            .env("LOGS", self.directory.join("output"))
            .env("DIRECTORY", &self.directory)
            .env("RUNNING_UNDER_SYSTEMD", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.watch = Some(watch);
    }

    /// Whether it answers to the first bytes of the protocol.
    fn is_up(&self) -> bool {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let Ok(mut stream) = TcpStream::connect(address) else { return false };
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        stream.write_all(b"AMQP\0\0\x09\x01").is_ok()
            && BufReader::new(stream).fill_buf().is_ok_and(|bytes| !bytes.is_empty())
    }

    fn logs(&self) -> String {
        fs::read_to_string(self.directory.join("output")).unwrap_or_default()
    }

    fn make_vhosts(&self) {
        self.eval(&format!(
            "[begin V = list_to_binary(\"v\" ++ integer_to_list(N)), \
             ok = rabbit_vhost:add(V, <<\"test\">>), \
             ok = rabbit_auth_backend_internal:set_permissions(<<\"guest\">>, V, <<\".*\">>, \
             <<\".*\">>, <<\".*\">>, <<\"test\">>) end || N <- lists:seq(0, {})].",
            VHOSTS - 1
        ));
    }

    /// The URL of a virtual host that nobody else has.
    pub(crate) fn fresh(&self) -> Url {
        let number = self.vhosts.fetch_add(1, Ordering::Relaxed);
        assert!(number < VHOSTS, "more tests than virtual hosts: make more");
        let vhost = format!("v{number}");
        Url { amqp: format!("amqp://guest:guest@127.0.0.1:{}/{vhost}", self.port), vhost }
    }

    /// Runs `rabbitmqctl`.
    pub(crate) fn control(&self, arguments: &[&str]) -> String {
        let output =
            self.program(self.programs.join("rabbitmqctl")).args(arguments).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {text} {error}");
        text
    }

    /// Evaluates Erlang in the server.
    pub(crate) fn eval(&self, expression: &str) -> String {
        self.control(&["eval", expression])
    }
}

/// A server that did not come up.
impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut watch) = self.watch.take() {
            drop(watch.stdin.take());
            drop(watch.wait());
        }
    }
}

/// A virtual host.
pub(crate) struct Url {
    /// With user and password.
    pub(crate) amqp: String,
    /// Its name.
    pub(crate) vhost: String,
}

/// Where the scripts are that take their settings from the environment; those in the system's
/// path change the user themselves.
fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/rabbitmq/lib")
        .expect("RabbitMQ is installed: apt-get install rabbitmq-server");
    let mut found: Vec<PathBuf> = versions
        .map(|entry| entry.unwrap().path().join("sbin"))
        .filter(|path| path.join("rabbitmq-server").exists())
        .collect();
    found.sort();
    found.pop().expect("RabbitMQ's programs are beside its library")
}

/// The user that the server runs as; `None`: as who runs the tests.
fn owner() -> Option<(u32, u32)> {
    if !fs::metadata("/proc/self").is_ok_and(|it| std::os::unix::fs::MetadataExt::uid(&it) == 0) {
        return None;
    }
    let users = fs::read_to_string(Path::new("/etc/passwd")).unwrap();
    let fields = users.lines().find_map(|line| line.strip_prefix("rabbitmq:")).unwrap();
    let mut fields = fields.split(':').skip(1).map(|field| field.parse().unwrap());
    Some((fields.next().unwrap(), fields.next().unwrap()))
}
