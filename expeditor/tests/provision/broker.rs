//! What services' users can do at the broker.

use contracts::ServiceName;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn users_have_rights_in_one_virtual_host_and_no_tags() {
    let world = World::new().await;
    world.provision(&[]);
    for service in ServiceName::ALL {
        let name = world.names.service(service);
        let get = async |path: String| world.ask(Method::GET, &path, &Value::Null).await.unwrap();
        let user = get(format!("users/{name}")).await;
        assert_eq!(user["tags"], json!([]), "{user}");
        let rights = get(format!("users/{name}/permissions")).await;
        assert_eq!(rights.as_array().unwrap().len(), 1, "{rights}");
        assert_eq!(rights[0]["vhost"], json!(world.prefix));
    }
}
