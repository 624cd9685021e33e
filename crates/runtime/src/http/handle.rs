//! How a route reaches its service: requests go through the path, reads go to the database.

use std::sync::Arc;

use axum::{
    Json,
    http::{HeaderName, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
};

use crate::{
    Aggregate, Key, Problem, Reply, Service,
    db::{Database, DbError, ListQuery, Reader},
    path::Submit,
    ports::Ports,
};

/// A running service, as its routes see it.
pub struct Handle<S: Service> {
    service: Arc<S>,
    path: Submit<S>,
    database: Arc<dyn Database>,
    ports: Ports,
}

impl<S: Service> Clone for Handle<S> {
    fn clone(&self) -> Self {
        Self {
            service: Arc::clone(&self.service),
            path: self.path.clone(),
            database: Arc::clone(&self.database),
            ports: self.ports.clone(),
        }
    }
}

impl<S: Service> Handle<S> {
    /// Binds a running path and its database together.
    pub fn new(
        service: Arc<S>,
        path: Submit<S>,
        database: Arc<dyn Database>,
        ports: Ports,
    ) -> Self {
        Self { service, path, database, ports }
    }

    /// The service itself: its settings.
    pub fn service(&self) -> &S {
        &self.service
    }

    /// Clock and ids.
    pub fn ports(&self) -> &Ports {
        &self.ports
    }

    /// What was committed.
    pub fn reader(&self) -> &dyn Reader {
        self.database.reader()
    }

    /// Takes a request through the path; answers once it is committed (or refused).
    pub async fn decide(&self, request: S::Request) -> Result<Reply, Problem> {
        match self.path.request(request).await? {
            Reply::Refused(problem) => Err(problem),
            reply => Ok(reply),
        }
    }

    /// [`decide`](Self::decide), as a response.
    pub async fn submit(&self, request: S::Request) -> Response {
        match self.decide(request).await {
            Ok(reply) => respond(reply),
            Err(problem) => problem.into_response(),
        }
    }

    /// One aggregate as it was last committed.
    pub async fn get(&self, key: &Key) -> Result<Option<S::State>, Problem> {
        let row = self.reader().get(key).await.map_err(|error| read_problem(&error))?;
        row.map(|row| decode(key.kind.name, &row.body)).transpose()
    }

    /// Aggregates of one kind with their ids.
    pub async fn list(&self, query: &ListQuery) -> Result<Vec<(String, S::State)>, Problem> {
        let rows = self.reader().list(query).await.map_err(|error| read_problem(&error))?;
        rows.into_iter().map(|(id, row)| Ok((id, decode(query.kind, &row.body)?))).collect()
    }
}

fn decode<A: Aggregate>(kind: &str, body: &str) -> Result<A, Problem> {
    A::decode(kind, body).map_err(|error| {
        tracing::error!(kind, %error, "a stored aggregate cannot be read");
        Problem::internal()
    })
}

/// What a client is told when reading the database fails.
pub fn read_problem(error: &DbError) -> Problem {
    tracing::warn!(%error, "reading failed");
    match error {
        DbError::Conflict(_) | DbError::Unavailable(_) => {
            Problem::unavailable("The database cannot be read now; try again.")
        }
        DbError::Rejected(_) | DbError::NewerVersion { .. } | DbError::Corrupt(_) => {
            Problem::internal()
        }
    }
}

/// A reply of the path as a response.
pub fn respond(reply: Reply) -> Response {
    match reply {
        Reply::None => {
            tracing::error!("a request was decided without a reply");
            Problem::internal().into_response()
        }
        Reply::Refused(problem) => problem.into_response(),
        Reply::Done { status, body, headers } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
            let mut response = (status, Json(body)).into_response();
            for (name, value) in headers {
                if let Ok(value) = HeaderValue::from_str(&value) {
                    response.headers_mut().insert(HeaderName::from_static(name), value);
                }
            }
            response
        }
    }
}
