//! How a route reaches its service: requests go through the path, reads go to the database.

use std::sync::Arc;

use axum::{
    Json,
    http::{HeaderName, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
};

use crate::{
    Aggregate, Key, Problem, Reply, Service,
    backlog::Backlog,
    broker::Reach,
    db::{Database, DbError, ListQuery, Reader, SharedOutbox},
    live::Live,
    path::Submit,
    ports::Ports,
};

/// A running service, as its routes see it.
pub struct Handle<S: Service> {
    service: Arc<S>,
    path: Submit<S>,
    database: Arc<dyn Database>,
    ports: Ports,
    reach: Reach,
    backlog: Backlog,
    live: Live,
}

impl<S: Service> Clone for Handle<S> {
    fn clone(&self) -> Self {
        Self {
            service: Arc::clone(&self.service),
            path: self.path.clone(),
            database: Arc::clone(&self.database),
            ports: self.ports.clone(),
            reach: self.reach.clone(),
            backlog: self.backlog.clone(),
            live: self.live.clone(),
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
        reach: Reach,
        backlog: Backlog,
        live: Live,
    ) -> Self {
        Self { service, path, database, ports, reach, backlog, live }
    }

    /// The service itself: its settings.
    pub fn service(&self) -> &S {
        &self.service
    }

    /// Clock and ids.
    pub fn ports(&self) -> &Ports {
        &self.ports
    }

    /// Whether the service still takes requests and messages.
    pub fn is_served(&self) -> bool {
        self.path.is_served()
    }

    /// Whether messages reach the service.
    pub fn reach(&self) -> &Reach {
        &self.reach
    }

    /// What lay in the service's outbox a moment ago.
    pub fn backlog(&self) -> &Backlog {
        &self.backlog
    }

    /// By which its aggregates are watched.
    pub fn live(&self) -> &Live {
        &self.live
    }

    /// Lets new work pass as long as messages get through: see [`Backlog::admit`].
    pub fn admit(&self, limit: std::time::Duration) -> Result<(), Problem> {
        self.backlog.admit(limit, self.ports.now())
    }

    /// Answers when the database can be read and written to.
    pub async fn database_ready(&self) -> Result<(), DbError> {
        self.database.ready().await
    }

    /// The outbox with what relays have given up; none where relays do not share it.
    pub fn shared_outbox(&self) -> Option<&dyn SharedOutbox> {
        self.database.shared_outbox()
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
        DbError::Address(_)
        | DbError::Rejected(_)
        | DbError::NewerVersion { .. }
        | DbError::Corrupt(_) => Problem::internal(),
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
            let Ok(status) = StatusCode::from_u16(status) else {
                tracing::error!(status, "a request was answered with a status that is none");
                return Problem::internal().into_response();
            };
            let mut response = (status, Json(body)).into_response();
            for (name, value) in headers {
                if let (Ok(name), Ok(value)) =
                    (HeaderName::try_from(name), HeaderValue::try_from(value))
                {
                    response.headers_mut().insert(name, value);
                } else {
                    tracing::error!(name, "a response header cannot be sent");
                }
            }
            response
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_reply_becomes_a_response_or_a_500_but_never_a_panic() {
        let done = |status, name, value: &str| Reply::Done {
            status,
            body: json!({}),
            headers: vec![(name, value.to_owned())],
        };
        for (reply, status, location) in [
            (done(201, "location", "/orders/1"), 201, Some("/orders/1")),
            (done(200, "Location", "/orders/1"), 200, Some("/orders/1")),
            (done(200, "location", "a\nb"), 200, None),
            (done(200, "no name", "x"), 200, None),
            (done(7, "location", "/orders/1"), 500, None),
            (Reply::None, 500, None),
            (Reply::Refused(Problem::conflict("claimed", "By another.")), 409, None),
        ] {
            let response = respond(reply);
            let found = response.headers().get("location").map(|it| it.to_str().unwrap());
            assert_eq!((response.status().as_u16(), found), (status, location));
        }
    }
}
