//! PostgreSQL: for each service a database with its tables, the role that owns it and a role for
//! relays; one role that reads all of them.
//!
//! Databases and roles are the server's, and other people's may be among them: what has a name of
//! ours and was not made here ends everything before anything is changed. All that is done within
//! a database is done as its owner.

use std::{collections::BTreeMap, time::Duration};

use contracts::ServiceName;
use runtime::{
    db::{
        Migrations,
        postgres::{Connect, PostgresDatabase},
    },
    ports::Ports,
    tls,
};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, Row};

use super::rights;
use crate::{
    exit::Failure,
    provision::{
        files::Secrets,
        names::Names,
        passwords::Password,
        places::Place,
        report::{Outcome, Report},
    },
};

/// The lock that only one provision holds at a time. A number that nobody else uses.
const LOCK: i64 = 0x0e_7ed1_7a11;
/// How long to wait for it.
const WAIT: &str = "60s";
/// How long the server may take to let the administrator in.
const ANSWER: Duration = Duration::from_secs(15);
/// The oldest version where nobody may make tables in somebody else's database by default.
const OLDEST: i32 = 150_000;
/// From this version on, who has made a role does not belong to it yet.
const APART: i32 = 160_000;

/// A server that has been looked at, and is held against others who would set it up.
pub struct Server<'a> {
    place: &'a Place,
    names: &'a Names,
    admin: PgConnection,
    /// By name: whether it is there, with what the server keeps of its password where that can be
    /// read.
    roles: BTreeMap<String, Option<String>>,
    databases: Vec<String>,
    superuser: bool,
    version: i32,
}

impl<'a> Server<'a> {
    /// Connects, and finds out what is there and whether it may be set up. Changes nothing.
    pub async fn look(place: &'a Place, names: &'a Names, ports: &Ports) -> Result<Self, Failure> {
        let admin = tokio::select! {
            admin = connect(place, place.url().as_str()) => admin?,
            () = ports.clock.sleep(ANSWER) => {
                return Err(told(place, &format!("no answer within {} s", ANSWER.as_secs())));
            }
        };
        let mut server = Self {
            place,
            names,
            admin,
            roles: BTreeMap::new(),
            databases: Vec::new(),
            superuser: false,
            version: 0,
        };
        server.may().await?;
        let failed = |error: sqlx::Error| at(place, &error);
        server.hold().await.map_err(failed)?;
        for (role, mark, verifier) in server.find_roles().await.map_err(failed)? {
            if mark != names.mark() {
                return Err(foreign(place, &format!("the role {role}")));
            }
            server.roles.insert(role, verifier);
        }
        for (database, owner) in server.find_databases().await.map_err(failed)? {
            if owner != database || !server.roles.contains_key(&owner) {
                return Err(foreign(place, &format!("the database {database}")));
            }
            server.databases.push(database);
        }
        Ok(server)
    }

    /// Makes what is missing.
    pub async fn set_up(&mut self, secrets: &Secrets, report: &mut Report) -> Result<(), Failure> {
        let (place, names) = (self.place, self.names);
        let failed = |error: sqlx::Error| at(place, &error);
        for (role, password) in &secrets.roles {
            let outcome = self.role(role, password).await?;
            report.step(format_args!("role {role}"), outcome);
        }
        for service in ServiceName::ALL {
            let name = names.service(service);
            self.join(&name).await.map_err(failed)?;
            let outcome = self.database(&name).await.map_err(failed)?;
            report.step(format_args!("database {name}"), outcome);
            self.fill(service, report).await?;
        }
        Ok(())
    }

    /// Lets the next one set it up.
    pub async fn close(self) {
        // The server notices a connection that is gone, too.
        let _ = self.admin.close().await;
    }

    /// Whether this version and this administrator will do.
    async fn may(&mut self) -> Result<(), Failure> {
        let place = self.place;
        let row = sqlx::query(
            "SELECT current_setting('server_version_num')::int, rolsuper,
                 rolcreaterole AND rolcreatedb, rolname::text
             FROM pg_roles WHERE rolname = current_user",
        );
        let look = async {
            let row = row.fetch_one(&mut self.admin).await?;
            Ok::<_, sqlx::Error>((
                row.try_get(0)?,
                row.try_get(1)?,
                row.try_get::<bool, _>(2)?,
                row.try_get::<String, _>(3)?,
            ))
        };
        let (version, superuser, creator, name) = look.await.map_err(|error| at(place, &error))?;
        (self.version, self.superuser) = (version, superuser);
        if version < OLDEST {
            let number = version / 10_000;
            let wants = format!("it is PostgreSQL {number}, and 15 or later is wanted");
            return Err(told(place, &wants));
        }
        if !superuser && !creator {
            let wants = format!("{name} may not make roles and databases (CREATEROLE, CREATEDB)");
            return Err(told(place, &wants));
        }
        Ok(())
    }

    async fn hold(&mut self) -> Result<(), sqlx::Error> {
        let wait = sqlx::query("SELECT set_config('lock_timeout', $1, false)").bind(WAIT);
        wait.execute(&mut self.admin).await?;
        sqlx::query("SELECT pg_advisory_lock($1)").bind(LOCK).execute(&mut self.admin).await?;
        Ok(())
    }

    /// Our names among the roles: what is noted on each, and what the server keeps of its password
    /// where this administrator may see that.
    async fn find_roles(&mut self) -> Result<Vec<(String, String, Option<String>)>, sqlx::Error> {
        let kept = if self.superuser { "rolpassword" } else { "NULL::text" };
        let from = if self.superuser { "pg_authid" } else { "pg_roles" };
        let sql = format!(
            "SELECT rolname::text, coalesce(shobj_description(oid, 'pg_authid'), ''), {kept}
             FROM {from} WHERE rolname = ANY ($1)"
        );
        let mut ours = vec![self.names.auditor()];
        for service in ServiceName::ALL {
            ours.extend([self.names.service(service), self.names.relay(service)]);
        }
        let rows = sqlx::query(AssertSqlSafe(sql)).bind(ours).fetch_all(&mut self.admin).await?;
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))).collect()
    }

    async fn find_databases(&mut self) -> Result<Vec<(String, String)>, sqlx::Error> {
        let ours: Vec<String> = ServiceName::ALL.map(|service| self.names.service(service)).into();
        let rows = sqlx::query(
            "SELECT datname::text, pg_get_userbyid(datdba)::text FROM pg_database
             WHERE datname = ANY ($1)",
        );
        let rows = rows.bind(ours).fetch_all(&mut self.admin).await?;
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
    }

    async fn role(&mut self, role: &str, password: &Password) -> Result<Outcome, Failure> {
        let place = self.place;
        let (sql, outcome) = match self.roles.get(role) {
            None => {
                let (verifier, mark) = (password.for_postgres()?, self.names.mark());
                let sql = format!(
                    "BEGIN; CREATE ROLE {role} LOGIN PASSWORD '{verifier}';
                     COMMENT ON ROLE {role} IS '{mark}'; COMMIT"
                );
                (sql, Outcome::Made)
            }
            Some(kept) => {
                if self.is_kept(role, kept.as_deref(), password).await {
                    return Ok(Outcome::There);
                }
                let verifier = password.for_postgres()?;
                (format!("ALTER ROLE {role} PASSWORD '{verifier}'"), Outcome::Changed)
            }
        };
        self.execute(sql).await.map_err(|error| at(place, &error))?;
        Ok(outcome)
    }

    /// Who may not see what the server keeps tries whether it logs somebody in.
    async fn is_kept(&self, role: &str, kept: Option<&str>, password: &Password) -> bool {
        if self.superuser {
            return kept.is_some_and(|kept| password.is_kept_by_postgres(kept));
        }
        let services = ServiceName::ALL.into_iter().map(|it| self.names.service(it));
        let mut databases = services.filter(|name| role.starts_with(name.as_str()));
        let database = databases.next().unwrap_or(self.names.service(ServiceName::Orchestrator));
        let url = self.place.login(role, password.reveal(), &database);
        match connect(self.place, url.as_str()).await {
            Ok(connection) => connection.close().await.is_ok(),
            Err(_) => false,
        }
    }

    /// Whoever is no superuser may give a database only to roles that they belong to.
    async fn join(&mut self, role: &str) -> Result<(), sqlx::Error> {
        if self.superuser {
            return Ok(());
        }
        let belonging = if self.version < APART { "MEMBER" } else { "SET" };
        let member: bool = sqlx::query_scalar("SELECT pg_has_role($1, $2)")
            .bind(role)
            .bind(belonging)
            .fetch_one(&mut self.admin)
            .await?;
        if member { Ok(()) } else { self.execute(format!("GRANT {role} TO CURRENT_USER")).await }
    }

    async fn database(&mut self, name: &str) -> Result<Outcome, sqlx::Error> {
        if self.databases.iter().any(|it| it == name) {
            return Ok(Outcome::There);
        }
        let sql = format!("CREATE DATABASE {name} OWNER {name} TEMPLATE template0 ENCODING 'UTF8'");
        self.execute(sql).await?;
        Ok(Outcome::Made)
    }

    /// What is within a service's database: first who may enter, then tables, then who may do what
    /// with them.
    async fn fill(&self, service: ServiceName, report: &mut Report) -> Result<(), Failure> {
        let name = self.names.service(service);
        let url = self.place.within(&name);
        let failed = |error: sqlx::Error| at(self.place, &error);
        let mut owner = connect(self.place, url.as_str()).await?;
        let sql = format!("SET ROLE {name}");
        sqlx::query(AssertSqlSafe(sql)).execute(&mut owner).await.map_err(failed)?;
        let (relay, auditor) = (self.names.relay(service), self.names.auditor());
        let entry = rights::enter(&mut owner, &name, &relay, &auditor).await.map_err(failed)?;
        let (connect, migrations) = (Connect::to(url.as_str())?, Migrations::postgres(service));
        let found = PostgresDatabase::migrate(&connect, &migrations).await?;
        let known = migrations.latest();
        report.step(
            format_args!("schema of {name}, version {known}"),
            match found {
                0 => Outcome::Made,
                _ if found < known => Outcome::Changed,
                _ => Outcome::There,
            },
        );
        let tables = rights::tables(&mut owner, &relay, &auditor).await.map_err(failed)?;
        let outcome = if entry || tables { Outcome::Changed } else { Outcome::There };
        report.step(format_args!("rights in {name}"), outcome);
        let _ = owner.close().await; // all is committed
        Ok(())
    }

    async fn execute(&mut self, sql: String) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut self.admin).await.map(|_| ())
    }
}

async fn connect(place: &Place, url: &str) -> Result<PgConnection, Failure> {
    let options = Connect::to(url)?.options()?.application_name("expeditor provision");
    options.connect().await.map_err(|error| at(place, &error))
}

/// What went wrong, and where. The driver shows no statement and no password.
fn at(place: &Place, error: &sqlx::Error) -> Failure {
    let why = match error {
        sqlx::Error::Database(reported) if reported.code().as_deref() == Some("55P03") => {
            format!("another provision has been at work for {WAIT}")
        }
        sqlx::Error::Database(reported) => reported.message().to_owned(),
        other => match tls::reason(other) {
            Some(why) => format!("TLS: {why}"),
            None => other.to_string(),
        },
    };
    told(place, &why)
}

fn told(place: &Place, why: &str) -> Failure {
    Failure::Environment(format!("PostgreSQL at {}: {why}", place.server()))
}

fn foreign(place: &Place, what: &str) -> Failure {
    told(
        place,
        &format!(
            "{what} is there and was not made by provision; nothing was changed; choose another \
             --prefix"
        ),
    )
}
