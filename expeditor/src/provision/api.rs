//! RabbitMQ's management API over HTTP, as far as it is needed.

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, StatusCode, Url};
use runtime::tls;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::places::{Place, plain};
use crate::exit::Failure;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// In the API's URL, it says that the administrator's password may be read on its way.
const PLAIN: &str = "tls=disable";

/// The API, with the administrator's login.
pub(super) struct Api {
    client: Client,
    url: Url,
    user: String,
    password: String,
}

impl Api {
    /// The login stands in the API's URL, or else it is that of the broker's.
    pub(super) fn new(text: &str, amqp: &Place) -> Result<Self, Failure> {
        let url = Url::parse(text).ok().filter(|url| url.scheme() == "http" && url.has_host());
        let Some(mut url) = url else {
            return Err(Failure::Usage(
                "provision: --amqp-api-url wants the management API's URL, such as \
                 http://127.0.0.1:15672"
                    .to_owned(),
            ));
        };
        // The administrator's password goes there.
        if !tls::is_loopback(url.host_str().unwrap_or_default()) && url.query() != Some(PLAIN) {
            return Err(Failure::Usage(format!(
                "provision: --amqp-api-url is of another machine, and http:// is without TLS: run \
                 provision there, or reach the API by a tunnel, or say {PLAIN} after ? in the URL"
            )));
        }
        url.set_query(None);
        let login = if url.username().is_empty() { amqp.url() } else { &url };
        let user = plain(login.username());
        let password = plain(login.password().unwrap_or_default());
        // Refused where there is no host only, and there is one.
        let _ = url.set_username("").and_then(|()| url.set_password(None));
        let client = Client::builder().timeout(PATIENCE).no_proxy().build();
        let client = client.map_err(|error| Failure::Environment(error.to_string()))?;
        Ok(Self { client, url, user, password })
    }

    /// What is there; none if nothing is.
    pub(super) async fn find<T: DeserializeOwned>(
        &self,
        path: &[&str],
    ) -> Result<Option<T>, Failure> {
        let (request, what) = self.request(Method::GET, path);
        let response = request.send().await.map_err(|error| self.unreachable(error))?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        self.check(response.status(), &what)?;
        let answer = response.json().await;
        answer.map(Some).map_err(|error| {
            self.told(&format!("what it answers to {what} cannot be read: {}", error.without_url()))
        })
    }

    /// A list of what is there.
    pub(super) async fn list<T: DeserializeOwned>(&self, path: &[&str]) -> Result<Vec<T>, Failure> {
        Ok(self.find(path).await?.unwrap_or_default())
    }

    /// Makes it so.
    pub(super) async fn put(&self, path: &[&str], body: &Value) -> Result<(), Failure> {
        let (request, what) = self.request(Method::PUT, path);
        self.send(request.json(body), &what).await
    }

    /// Takes it away.
    pub(super) async fn delete(&self, path: &[&str]) -> Result<(), Failure> {
        let (request, what) = self.request(Method::DELETE, path);
        self.send(request, &what).await
    }

    /// A failure that names the API.
    pub(super) fn told(&self, why: &str) -> Failure {
        let url = self.url.as_str().trim_end_matches('/');
        Failure::Environment(format!("RabbitMQ's API at {url}: {why}"))
    }

    async fn send(&self, request: RequestBuilder, what: &str) -> Result<(), Failure> {
        let response = request.send().await.map_err(|error| self.unreachable(error))?;
        self.check(response.status(), what)
    }

    fn request(&self, method: Method, path: &[&str]) -> (RequestBuilder, String) {
        let mut url = self.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("api").extend(path);
        }
        let what = format!("{method} {}", url.path());
        let request = self.client.request(method, url);
        (request.basic_auth(&self.user, Some(&self.password)), what)
    }

    fn check(&self, status: StatusCode, what: &str) -> Result<(), Failure> {
        match status {
            _ if status.is_success() => Ok(()),
            StatusCode::UNAUTHORIZED => {
                Err(self.told(&format!("it refuses the login of {} (401)", self.user)))
            }
            _ => Err(self.told(&format!("it answers {status} to {what}"))),
        }
    }

    fn unreachable(&self, error: reqwest::Error) -> Failure {
        let error = error.without_url();
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
        self.told(&format!("it does not answer: {error}{}", cause.unwrap_or_default()))
    }
}
