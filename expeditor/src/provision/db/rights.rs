//! Who may do what within a service's database. What is granted is compared with what should be, to
//! the letter; where they differ, all is taken and granted anew in one transaction.

use std::collections::BTreeSet;

use sqlx::{AssertSqlSafe, Connection, PgConnection, Row, postgres::PgRow};

/// What a relay works with: rights on tables, and nothing else.
const RELAY: [(&str, &[&str]); 4] = [
    ("outbox", &["SELECT", "UPDATE", "DELETE"]),
    ("outbox_lease", &["SELECT", "UPDATE"]),
    ("outbox_relay", &["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ("outbox_parked", &["SELECT", "INSERT"]),
];

/// Rights, as `(what, right)`.
type Rights = BTreeSet<(String, String)>;

/// Lets only these connect to the database. Answers whether that was changed.
pub(super) async fn enter(
    owner: &mut PgConnection,
    database: &str,
    relay: &str,
    auditor: &str,
) -> Result<bool, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT coalesce(rolname::text, 'public'), privilege_type
         FROM pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba))) acl
         LEFT JOIN pg_roles ON pg_roles.oid = acl.grantee
         WHERE datname = current_database() AND acl.grantee <> datdba",
    );
    let right = |role: &str| (role.to_owned(), "CONNECT".to_owned());
    if read(&rows.fetch_all(&mut *owner).await?)? == Rights::from([right(relay), right(auditor)]) {
        return Ok(false);
    }
    let mut transaction = owner.begin().await?;
    let sql = format!(
        "REVOKE ALL ON DATABASE {database} FROM PUBLIC, {relay}, {auditor};
         GRANT CONNECT ON DATABASE {database} TO {relay}, {auditor}"
    );
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(true)
}

/// Gives the relay's role the outbox, and the auditor's leave to read everything, also what later
/// migrations bring. Answers whether anything was changed.
pub(super) async fn tables(
    owner: &mut PgConnection,
    relay: &str,
    auditor: &str,
) -> Result<bool, sqlx::Error> {
    let wanted = RELAY.iter().flat_map(|(table, rights)| {
        rights.iter().map(|right| ((*table).to_owned(), (*right).to_owned()))
    });
    let mut statements = Vec::new();
    if granted(owner, relay).await? != wanted.collect() {
        statements.extend(take(relay));
        statements.extend(
            RELAY.iter().map(|(table, rights)| {
                format!("GRANT {} ON {table} TO {relay}", rights.join(", "))
            }),
        );
    }
    let all = sqlx::query_scalar(
        "SELECT relname::text FROM pg_class
         WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f')",
    );
    let all: Vec<String> = all.fetch_all(&mut *owner).await?;
    let wanted: Rights = all.into_iter().map(|table| (table, "SELECT".to_owned())).collect();
    if granted(owner, auditor).await? != wanted || !is_granted_later(owner, auditor).await? {
        statements.extend(take(auditor));
        statements.push(format!("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {auditor}"));
        statements.push(format!(
            "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO {auditor}"
        ));
    }
    if statements.is_empty() {
        return Ok(false);
    }
    let mut transaction = owner.begin().await?;
    let sql = statements.join(";\n");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(true)
}

fn take(role: &str) -> [String; 2] {
    ["TABLES", "SEQUENCES"].map(|it| format!("REVOKE ALL ON ALL {it} IN SCHEMA public FROM {role}"))
}

/// What a role was granted on tables and sequences.
async fn granted(owner: &mut PgConnection, role: &str) -> Result<Rights, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT relname::text, privilege_type FROM pg_class, aclexplode(relacl)
         WHERE relnamespace = 'public'::regnamespace AND grantee = $1::regrole",
    );
    read(&rows.bind(role).fetch_all(owner).await?)
}

/// Whether a role may read the tables that this owner makes from now on.
async fn is_granted_later(owner: &mut PgConnection, role: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT EXISTS (
             SELECT FROM pg_default_acl, aclexplode(defaclacl)
             WHERE defaclrole = current_user::regrole AND defaclobjtype = 'r'
                 AND defaclnamespace = 'public'::regnamespace
                 AND grantee = $1::regrole AND privilege_type = 'SELECT')",
    )
    .bind(role)
    .fetch_one(owner)
    .await
}

fn read(rows: &[PgRow]) -> Result<Rights, sqlx::Error> {
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}
