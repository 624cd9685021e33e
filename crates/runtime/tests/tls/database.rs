//! PostgreSQL.

use std::path::PathBuf;

use contracts::ServiceName;
use runtime::{
    db::{
        DbError, Migrations,
        postgres::{Connect, PostgresDatabase, PostgresOutbox},
    },
    ports::Ports,
};
use servers::{Postgres, PostgresOptions};

use crate::{blocking, certificates::Authority, told};

async fn server(tls: Option<(PathBuf, PathBuf)>) -> Postgres {
    let options = PostgresOptions { tls, ..PostgresOptions::default() };
    blocking(move || Postgres::start(&options)).await.unwrap()
}

/// The server by its name, which its certificate is for.
fn named(server: &Postgres, query: &str) -> String {
    format!("{}?{query}", server.url().replace("127.0.0.1", "localhost"))
}

async fn refused(url: &str) -> String {
    let (migrations, ports) = (Migrations::postgres(ServiceName::Payment), Ports::system());
    let connect = Connect::to(url).unwrap();
    let opened = PostgresDatabase::open(&connect, &migrations, &ports).await.map(drop);
    let Err(DbError::Unavailable(text)) = opened else { panic!("{opened:?}") };
    // The others who connect are told the same.
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
    let authority = Authority::new();
    let server = server(Some(authority.server())).await;
    let url = named(&server, &format!("sslmode=verify-full&sslrootcert={}", authority.ca_file()));
    let migrations = Migrations::postgres(ServiceName::Payment);
    let connect = Connect::to(&url).unwrap();
    PostgresDatabase::migrate(&connect, &migrations).await.unwrap();
    let database = PostgresDatabase::open(&connect, &migrations, &Ports::system()).await.unwrap();
    runtime::db::Database::ready(&database).await.unwrap();

    // As the server sees it; on this machine there need be none.
    for (connect, expected) in [(connect, true), (Connect::to(&server.url()).unwrap(), false)] {
        let options = connect.options().unwrap();
        let mut connection = sqlx::ConnectOptions::connect(&options).await.unwrap();
        let by_tls: bool =
            sqlx::query_scalar("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
                .fetch_one(&mut connection)
                .await
                .unwrap();
        assert_eq!(by_tls, expected);
    }
}

#[tokio::test]
async fn another_server_than_the_one_that_is_meant_is_refused() {
    let (authority, other) = (Authority::new(), Authority::new());
    let server = server(Some(authority.server())).await;
    let port = server.port().to_string();

    let url = named(&server, &format!("sslmode=verify-full&sslrootcert={}", other.ca_file()));
    told(&refused(&url).await, &url, &["at localhost:", &port, "TLS: ", "unknown issuer"]);

    // The certificate is for `localhost`.
    let query = format!("sslmode=verify-full&sslrootcert={}", authority.ca_file());
    let url = format!("{}?{query}", server.url());
    let parts = ["at 127.0.0.1:", &port, "TLS: ", "is not valid for the host 127.0.0.1"];
    told(&refused(&url).await, &url, &parts);

    let url = named(&server, "sslmode=verify-full&sslrootcert=/nowhere/ca.crt");
    let parts = ["at localhost:", &port, "the CA file /nowhere/ca.crt: No such file"];
    told(&refused(&url).await, &url, &parts);
}

#[tokio::test]
async fn a_certificate_whose_time_is_over_is_refused() {
    let authority = Authority::new();
    let server = server(Some(authority.expired())).await;
    let url = named(&server, &format!("sslmode=verify-full&sslrootcert={}", authority.ca_file()));
    told(&refused(&url).await, &url, &["at localhost:", "TLS: ", "has expired"]);
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_it_is_to_be_verified() {
    let authority = Authority::new();
    let server = server(None).await;
    let url = named(&server, &format!("sslmode=verify-full&sslrootcert={}", authority.ca_file()));
    told(&refused(&url).await, &url, &["at localhost:", "TLS: server does not support TLS"]);
}
