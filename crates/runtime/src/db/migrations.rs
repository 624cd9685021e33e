//! The schema as numbered steps, embedded in the program: shared ones, which every service has,
//! and a service's own. A step never changes once released; a database only goes forward.

use contracts::ServiceName;

/// One step of a schema.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Its number; unique across the shared steps and those of every service.
    pub version: i64,
    /// What it brings, in a word.
    pub name: &'static str,
    /// Its SQL.
    pub sql: &'static str,
}

/// The steps that one service's database takes.
#[derive(Clone, Debug)]
pub struct Migrations {
    steps: Vec<Migration>,
}

impl Migrations {
    /// The steps of a service's database on SQLite.
    pub fn sqlite(service: ServiceName) -> Self {
        let shared = include_str!("../../../../migrations/shared/sqlite/0001_path.sql");
        let saga = include_str!("../../../../migrations/orchestrator/sqlite/0002_saga.sql");
        Self::of(service, shared, saga)
    }

    /// The steps of a service's database on PostgreSQL.
    pub fn postgres(service: ServiceName) -> Self {
        let shared = include_str!("../../../../migrations/shared/postgres/0001_path.sql");
        let saga = include_str!("../../../../migrations/orchestrator/postgres/0002_saga.sql");
        Self::of(service, shared, saga)
    }

    fn of(service: ServiceName, shared: &'static str, saga: &'static str) -> Self {
        let shared = Migration { version: 1, name: "path", sql: shared };
        let own: &[Migration] = match service {
            ServiceName::Orchestrator => &[Migration { version: 2, name: "saga", sql: saga }],
            ServiceName::Payment
            | ServiceName::Store
            | ServiceName::Cook
            | ServiceName::Rider
            | ServiceName::Mypage
            | ServiceName::Notification => &[],
        };
        Self::new(std::iter::once(shared).chain(own.iter().copied()))
    }

    /// Steps of one's own, in any order.
    pub fn new(steps: impl IntoIterator<Item = Migration>) -> Self {
        let mut steps: Vec<Migration> = steps.into_iter().collect();
        steps.sort_by_key(|step| step.version);
        Self { steps }
    }

    /// The steps, the lowest number first.
    pub fn steps(&self) -> &[Migration] {
        &self.steps
    }

    /// The version of a database that has taken every step; 0 if there are none.
    pub fn latest(&self) -> i64 {
        self.steps.last().map_or(0, |step| step.version)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn a_number_means_the_same_step_in_every_service() {
        for of in [Migrations::sqlite, Migrations::postgres] {
            let mut seen = HashMap::new();
            for service in ServiceName::ALL {
                let migrations = of(service);
                assert!(!migrations.steps().is_empty(), "{service}");
                for step in migrations.steps() {
                    let text = *seen.entry(step.version).or_insert(step.sql);
                    assert_eq!(text, step.sql, "{service}: {}", step.version);
                }
                assert!(migrations.steps().windows(2).all(|w| w[0].version < w[1].version));
            }
        }
    }

    #[test]
    fn both_databases_take_the_same_steps() {
        for service in ServiceName::ALL {
            let steps = |migrations: Migrations| -> Vec<(i64, &'static str)> {
                migrations.steps().iter().map(|step| (step.version, step.name)).collect()
            };
            assert_eq!(steps(Migrations::sqlite(service)), steps(Migrations::postgres(service)));
        }
    }
}
