//! A virtual host of a run's own, made and removed over RabbitMQ's HTTP API. What is in it goes with
//! it.

use reqwest::Url;
use runtime::ports::Ports;
use serde_json::json;

use crate::{exit::Failure, management::Management, provision::places::plain};

/// A virtual host.
pub(super) struct Vhost {
    api: Management,
    name: String,
    /// The broker's, with whatever virtual host was given.
    broker: Url,
}

impl Vhost {
    /// One of that name, through the API at that URL, as an administrator. Asks nothing yet.
    pub(super) fn new(
        api_url: &str,
        amqp_url: &str,
        name: &str,
        ports: &Ports,
    ) -> Result<Self, Failure> {
        let broker = Url::parse(amqp_url)
            .map_err(|error| Failure::Usage(format!("the broker's URL cannot be used: {error}")))?;
        let api = Management::new(api_url, &broker, ports)?;
        Ok(Self { api, name: name.to_owned(), broker })
    }

    /// Makes it for the user of the broker's URL; answers the URL with the virtual host in it.
    pub(super) async fn make(&self) -> Result<String, Failure> {
        let user = match self.broker.username() {
            "" => "guest".to_owned(),
            name => plain(name),
        };
        self.api.put(&["vhosts", &self.name], &json!({})).await?;
        let all = json!({ "configure": ".*", "write": ".*", "read": ".*" });
        self.api.put(&["permissions", &self.name, &user], &all).await?;
        let mut url = self.broker.clone();
        url.set_path(&self.name);
        Ok(url.into())
    }

    /// Removes it. One that is not there is no error.
    pub(super) async fn remove(&self) -> Result<(), Failure> {
        self.api.delete(&["vhosts", &self.name]).await
    }
}
