//! The servers that all tests share, with names of one test's own on them.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use contracts::ServiceName;
use expeditor::provision::names::Names;
use reqwest::{Client, Method, Url};
use runtime::ports::Ports;
use serde_json::Value;
use servers::Shared;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};
use tempfile::TempDir;
use tokio::runtime::Handle;
use toml::Table;

/// Goes with all that has its names. Needs a runtime of several threads.
pub(crate) struct World {
    pub(crate) shared: Shared,
    pub(crate) prefix: String,
    pub(crate) names: Names,
    dir: TempDir,
    http: Client,
}

impl World {
    pub(crate) async fn new() -> Self {
        let shared = tokio::task::spawn_blocking(servers::shared).await.unwrap();
        let shared = shared.unwrap_or_else(|error| panic!("no servers for tests: {error}"));
        let id = Ports::system().ids.next().simple().to_string();
        let prefix = format!("t{}", &id[16..]);
        let names = Names::new(&prefix).unwrap();
        let http = Client::builder().no_proxy().build().unwrap();
        Self { shared, prefix, names, dir: tempfile::tempdir().unwrap(), http }
    }

    pub(crate) fn out(&self) -> PathBuf {
        self.dir.path().join("out")
    }

    pub(crate) fn api(&self) -> &str {
        self.shared.rabbitmq.api_url().expect("the API of the tests' broker is known")
    }

    /// `provision` with these in place of the right options.
    pub(crate) fn command(&self, instead: &[(&str, &str)]) -> Command {
        let out = self.out();
        let right = [
            ("--database-url", self.shared.postgres.as_str()),
            ("--amqp-url", self.shared.rabbitmq.url()),
            ("--amqp-api-url", self.api()),
            ("--out", out.to_str().unwrap()),
            ("--prefix", self.prefix.as_str()),
        ];
        let mut command = Command::new(env!("CARGO_BIN_EXE_expeditor"));
        command.arg("provision").env_clear().stdout(Stdio::piped()).stderr(Stdio::piped());
        for (option, value) in right {
            let other = instead.iter().find(|(name, _)| *name == option);
            command.args([option, other.map_or(value, |(_, other)| *other)]);
        }
        command
    }

    /// Runs it to a good end. Answers its lines.
    pub(crate) fn provision(&self, instead: &[(&str, &str)]) -> Vec<String> {
        let output = self.command(instead).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && stderr.is_empty(), "{stderr}");
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }

    /// Runs it to an end with that status. Answers the one line.
    pub(crate) fn refuses(&self, instead: &[(&str, &str)], status: i32) -> String {
        one_line(&self.command(instead).output().unwrap(), status)
    }

    /// Serves one with its file, to an end that comes by itself.
    pub(crate) fn serve(&self, service: ServiceName) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_expeditor"));
        command
            .args(["serve", service.as_str(), "--listen", "127.0.0.1:0", "--config"])
            .env_clear();
        command.arg(self.out().join(format!("{service}.toml"))).output().unwrap()
    }

    /// A URL that stands in a file.
    pub(crate) fn url(&self, file: &str, path: &[&str]) -> String {
        let text = fs::read_to_string(self.out().join(file)).unwrap();
        let mut value = toml::Value::Table(text.parse::<Table>().unwrap());
        for key in path {
            value = value.as_table().unwrap()[*key].clone();
        }
        value.as_str().unwrap().to_owned()
    }

    pub(crate) fn service_url(&self, service: ServiceName) -> String {
        self.url(&format!("{service}.toml"), &["serve", "database-url"])
    }

    pub(crate) fn amqp_url(&self, service: ServiceName) -> String {
        self.url(&format!("{service}.toml"), &["serve", "amqp-url"])
    }

    pub(crate) fn relay_url(&self, service: ServiceName) -> String {
        self.url("relay.toml", &["relay", "sources", service.as_str()])
    }

    pub(crate) fn auditor_url(&self, service: ServiceName) -> String {
        let url = self.url("auditor.toml", &["audit", "database-url"]);
        other_database(&url, &self.names.service(service))
    }

    /// All databases' URLs, each with whose it is.
    pub(crate) fn logins(&self) -> Vec<(ServiceName, String)> {
        let of = |service| {
            [self.service_url(service), self.relay_url(service), self.auditor_url(service)]
                .map(|url| (service, url))
        };
        ServiceName::ALL.into_iter().flat_map(of).collect()
    }

    pub(crate) async fn admin(&self) -> PgConnection {
        connect(&self.shared.postgres).await.unwrap()
    }

    /// The administrator, within a service's database.
    pub(crate) async fn admin_in(&self, service: ServiceName) -> PgConnection {
        connect(&other_database(&self.shared.postgres, &self.names.service(service))).await.unwrap()
    }

    /// Names of ours on the server.
    pub(crate) async fn roles(&self) -> Vec<String> {
        let query = "SELECT rolname::text FROM pg_roles WHERE rolname LIKE $1 ORDER BY 1";
        let query = sqlx::query_scalar(query).bind(format!("{}%", self.prefix));
        query.fetch_all(&mut self.admin().await).await.unwrap()
    }

    pub(crate) async fn databases(&self) -> Vec<String> {
        let query = "SELECT datname::text FROM pg_database WHERE datname LIKE $1 ORDER BY 1";
        let query = sqlx::query_scalar(query).bind(format!("{}%", self.prefix));
        query.fetch_all(&mut self.admin().await).await.unwrap()
    }

    /// What the broker's API answers; none where nothing is there.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: &Value) -> Option<Value> {
        let url = Url::parse(self.api()).unwrap();
        let (user, password) = (url.username().to_owned(), url.password().map(str::to_owned));
        let url = format!("http://{}:{}/api/{path}", url.host_str()?, url.port()?);
        let request = self.http.request(method, url).basic_auth(user, password).json(body);
        let response = request.send().await.unwrap();
        if response.status() == 404 {
            return None;
        }
        assert!(response.status().is_success(), "{path}: {}", response.status());
        Some(response.json().await.unwrap_or_default())
    }

    pub(crate) async fn vhost_is_there(&self) -> bool {
        self.ask(Method::GET, &format!("vhosts/{}", self.prefix), &Value::Null).await.is_some()
    }

    async fn remove(&self) {
        let mut admin = self.admin().await;
        for database in self.databases().await {
            execute(&mut admin, &format!("DROP DATABASE {database} WITH (FORCE)")).await.unwrap();
        }
        for role in self.roles().await {
            execute(&mut admin, &format!("DROP ROLE {role}")).await.unwrap();
        }
        self.ask(Method::DELETE, &format!("vhosts/{}", self.prefix), &Value::Null).await;
        for service in ServiceName::ALL {
            let path = format!("users/{}", self.names.service(service));
            self.ask(Method::DELETE, &path, &Value::Null).await;
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        tokio::task::block_in_place(|| Handle::current().block_on(self.remove()));
    }
}

/// A failure is one line, and nothing else is said.
pub(crate) fn one_line(output: &Output, status: i32) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(status), "{stderr}");
    assert!(stderr.starts_with("expeditor: "), "{stderr}");
    assert_eq!(stderr.trim_end().lines().count(), 1, "{stderr}");
    stderr
}

pub(crate) fn other_database(url: &str, database: &str) -> String {
    let mut url = Url::parse(url).unwrap();
    url.set_path(database);
    url.into()
}

/// The same server, as somebody else.
pub(crate) fn other_login(url: &str, user: &str, password: &str) -> String {
    let mut url = Url::parse(url).unwrap();
    url.set_username(user).unwrap();
    url.set_password(Some(password)).unwrap();
    url.into()
}

pub(crate) async fn connect(url: &str) -> Result<PgConnection, sqlx::Error> {
    url.parse::<PgConnectOptions>().unwrap().disable_statement_logging().connect().await
}

pub(crate) async fn execute(connection: &mut PgConnection, sql: &str) -> Result<(), sqlx::Error> {
    sqlx::query(AssertSqlSafe(sql.to_owned())).execute(connection).await.map(drop)
}

/// The SQLSTATE with which it is refused.
pub(crate) fn code<T>(result: Result<T, sqlx::Error>) -> Option<String> {
    let error = result.err()?;
    Some(error.as_database_error().unwrap().code().unwrap().into_owned())
}

pub(crate) async fn close(connection: PgConnection) {
    connection.close().await.unwrap();
}
