//! PostgreSQL.

use std::path::PathBuf;

use contracts::ServiceName;
use runtime::{
    db::{
        Database, DbError, Migrations,
        postgres::{Connect, PostgresDatabase, PostgresOutbox},
    },
    ports::Ports,
};
use servers::{Postgres, PostgresOptions};
use sqlx::ConnectOptions;

use crate::{
    blocking, told,
    trusting::{System, again},
};

async fn server(tls: Option<(PathBuf, PathBuf)>) -> Postgres {
    let options = PostgresOptions { tls, ..PostgresOptions::default() };
    blocking(move || Postgres::start(&options)).await.unwrap()
}

/// The server by its name, which its certificate is for.
fn named(server: &Postgres, query: &str) -> String {
    format!("{}?{query}", server.url().replace("127.0.0.1", "localhost"))
}

/// Whether connections are by TLS, as the server sees it.
async fn by_tls(url: &str) -> bool {
    let options = Connect::to(url).unwrap().options().unwrap();
    let mut connection = options.connect().await.unwrap();
    sqlx::query_scalar("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        .fetch_one(&mut connection)
        .await
        .unwrap()
}

/// Whoever connects is told the same.
async fn refused(url: &str) -> String {
    let (migrations, ports) = (Migrations::postgres(ServiceName::Payment), Ports::system());
    let connect = Connect::to(url).unwrap();
    let opened = PostgresDatabase::open(&connect, &migrations, &ports).await.map(drop);
    let Err(DbError::Unavailable(text)) = opened else { panic!("{opened:?}") };
    let Err(other) = PostgresDatabase::migrate(&connect, &migrations).await else {
        panic!("migrated")
    };
    assert!(other.to_string().contains(&text), "{other} / {text}");
    let Err(other) = PostgresOutbox::open(&connect, &ports).await.map(drop) else {
        panic!("opened")
    };
    assert!(other.to_string().contains(&text), "{other} / {text}");
    text
}

#[tokio::test]
async fn a_server_that_is_verified_is_used_by_tls() {
    let name = "database::a_server_that_is_verified_is_used_by_tls";
    let Some(files) = again(name, System::Right) else { return };
    let server = server(Some(files.server())).await;
    let url = named(&server, &format!("sslmode=verify-full&sslrootcert={}", files.ca()));
    let migrations = Migrations::postgres(ServiceName::Payment);
    let connect = Connect::to(&url).unwrap();
    PostgresDatabase::migrate(&connect, &migrations).await.unwrap();
    let database = PostgresDatabase::open(&connect, &migrations, &Ports::system()).await.unwrap();
    database.ready().await.unwrap();

    assert!(by_tls(&url).await);
    assert!(by_tls(&named(&server, "sslmode=verify-full")).await, "the system trusts it too");
    assert!(!by_tls(&server.url()).await, "on this machine there need be none");
}

#[tokio::test]
async fn another_host_than_the_one_that_is_meant_is_refused() {
    let name = "database::another_host_than_the_one_that_is_meant_is_refused";
    let Some(files) = again(name, System::Right) else { return };
    let server = server(Some(files.server())).await;
    let port = server.port().to_string();
    // The certificate is for `localhost`.
    let url = format!("{}?sslmode=verify-full&sslrootcert={}", server.url(), files.ca());
    let parts = ["at 127.0.0.1:", &port, "TLS: ", "is not valid for the host 127.0.0.1"];
    told(&refused(&url).await, &url, &parts);
}

#[tokio::test]
async fn who_is_vouched_for_by_somebody_else_is_refused() {
    let name = "database::who_is_vouched_for_by_somebody_else_is_refused";
    let Some(files) = again(name, System::Other) else { return };
    let server = server(Some(files.server())).await;
    let parts = ["at localhost:", &server.port().to_string(), "TLS: "];
    let trusting = |file: &str| named(&server, &format!("sslmode=verify-full&sslrootcert={file}"));

    for url in [named(&server, "sslmode=verify-full"), trusting(files.other_ca())] {
        told(&refused(&url).await, &url, &[&parts[..], &["unknown issuer"]].concat());
    }

    // The driver would let the system's in as well.
    let url = trusting(files.ca());
    let advice = format!("SSL_CERT_FILE={}", files.ca());
    told(&refused(&url).await, &url, &[&parts[..], &["CAs of the system", &advice]].concat());

    let url = trusting("/nowhere/ca.crt");
    let why = "the CA file /nowhere/ca.crt: No such file";
    told(&refused(&url).await, &url, &[&parts[..], &[why]].concat());
}

#[tokio::test]
async fn a_certificate_whose_time_is_over_is_refused() {
    let name = "database::a_certificate_whose_time_is_over_is_refused";
    let Some(files) = again(name, System::Right) else { return };
    let server = server(Some(files.expired())).await;
    let url = named(&server, "sslmode=verify-full");
    told(&refused(&url).await, &url, &["at localhost:", "TLS: ", "has expired"]);
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_it_is_to_be_verified() {
    let server = server(None).await;
    let url = named(&server, "sslmode=verify-full");
    told(&refused(&url).await, &url, &["at localhost:", "TLS: server does not support TLS"]);
}

/// What the environment says to the driver would be a downgrade that nobody sees.
#[tokio::test]
async fn the_environment_does_not_weaken_anything() {
    const MODE: &str = "PGSSLMODE";
    let name = "database::the_environment_does_not_weaken_anything";
    if std::env::var_os(MODE).is_none() {
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", name]).env(MODE, "prefer");
        assert!(command.status().unwrap().success());
        return;
    }
    let server = server(None).await;
    let url = named(&server, "sslmode=verify-full");
    told(&refused(&url).await, &url, &["TLS: server does not support TLS"]);
    let mode = |url: &str| Connect::to(url).unwrap().options().unwrap().get_ssl_mode();
    assert!(matches!(mode("postgres://u:p@db.example/d"), sqlx::postgres::PgSslMode::VerifyFull));
    assert!(matches!(mode("postgres://u:p@localhost/d"), sqlx::postgres::PgSslMode::Disable));
}
