//! What a process must pass to be ready.

use std::sync::Arc;

use runtime::{Service, db::Database, host, http::Readiness};

/// The checks of a service that runs in a process of its own.
pub fn of_service<S: Service>(
    service: &host::Running<S>,
    database: &Arc<dyn Database>,
) -> Readiness {
    let readiness = Readiness::default();
    add_database(&readiness, service.handle().service().name().as_str(), database);
    add_path(&readiness, service);
    readiness
}

/// That the database can be read and written to.
pub fn add_database(readiness: &Readiness, name: &str, database: &Arc<dyn Database>) {
    let database = Arc::clone(database);
    readiness.add(format!("{name}/database"), move || {
        let database = Arc::clone(&database);
        async move { database.ready().await.map_err(|error| error.to_string()) }
    });
}

/// That the service takes requests and messages.
pub fn add_path<S: Service>(readiness: &Readiness, service: &host::Running<S>) {
    let handle = service.handle();
    readiness.add(format!("{}/path", handle.service().name()), move || {
        let served = handle.is_served();
        async move { if served { Ok(()) } else { Err("it has ended".to_owned()) } }
    });
}
