//! A virtual host of a run's own, made and removed over RabbitMQ's HTTP API. What is in it goes with
//! it.

use std::time::Duration;

use reqwest::{Method, Url};
use serde_json::{Value, json};

use crate::exit::Failure;

/// How long the API may take.
const ANSWER: Duration = Duration::from_secs(15);

/// A virtual host.
pub(super) struct Vhost {
    api: Url,
    name: String,
}

impl Vhost {
    /// One of that name, through the API at that URL, as an administrator. Asks nothing yet.
    pub(super) fn new(api_url: &str, name: &str) -> Result<Self, Failure> {
        let api = Url::parse(api_url).ok().filter(|url| url.scheme() == "http" && url.has_host());
        let api = api.ok_or_else(|| {
            let wanted = "http://user:password@127.0.0.1:15672";
            Failure::Usage(format!("--amqp-api-url is a URL of http, such as {wanted}"))
        })?;
        Ok(Self { api, name: name.to_owned() })
    }

    /// Makes it for the user of that broker's URL; answers the URL with the virtual host in it.
    pub(super) async fn make(&self, amqp_url: &str) -> Result<String, Failure> {
        let mut url = Url::parse(amqp_url)
            .map_err(|error| Failure::Usage(format!("the broker's URL cannot be used: {error}")))?;
        let user = match url.username() {
            "" => "guest",
            name => name,
        };
        self.ask(Method::PUT, &format!("/api/vhosts/{}", self.name), &json!({})).await?;
        let all = json!({ "configure": ".*", "write": ".*", "read": ".*" });
        self.ask(Method::PUT, &format!("/api/permissions/{}/{user}", self.name), &all).await?;
        url.set_path(&self.name);
        Ok(url.into())
    }

    /// Removes it. One that is not there is no error.
    pub(super) async fn remove(&self) -> Result<(), Failure> {
        self.ask(Method::DELETE, &format!("/api/vhosts/{}", self.name), &Value::Null).await
    }

    async fn ask(&self, method: Method, path: &str, body: &Value) -> Result<(), Failure> {
        let mut url = self.api.clone();
        url.set_path(path);
        let gone = method == Method::DELETE;
        let place = self.api.authority().rsplit('@').next().unwrap_or_default().to_owned();
        let failed = |what: String| {
            Failure::Environment(format!("RabbitMQ's HTTP API at {place}: {path}: {what}"))
        };
        let client = reqwest::Client::builder().timeout(ANSWER).no_proxy().build();
        let client = client.expect("a client without TLS and proxies has nothing that could fail");
        let response = client.request(method, url).json(body).send().await;
        let response = response.map_err(|error| failed(error.without_url().to_string()))?;
        match response.status() {
            status if status.is_success() || (gone && status == 404) => Ok(()),
            status => Err(failed(format!("it answers {status}"))),
        }
    }
}
