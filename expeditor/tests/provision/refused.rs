//! What cannot be done: one line, and nothing is changed.

use contracts::ServiceName;
use reqwest::Method;
use serde_json::json;

use crate::world::{World, execute, other_login};

/// Nothing has been made but these roles.
async fn nothing_but(world: &World, roles: &[&str]) {
    assert_eq!(world.roles().await, roles);
    assert!(!world.out().exists());
    assert!(!world.vhost_is_there().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_role_of_somebody_else_is_left_alone() {
    let world = World::new().await;
    let role = world.names.relay(ServiceName::Store);
    execute(&mut world.admin().await, &format!("CREATE ROLE {role}")).await.unwrap();
    let line = world.refuses(&[], 3);
    assert!(line.contains(&format!("the role {role} is there and was not made by")), "{line}");
    assert!(line.contains("nothing was changed"), "{line}");
    assert!(world.databases().await.is_empty());
    nothing_but(&world, &[&role]).await;

    // One that another prefix has made is somebody else's as well.
    let mark = "made by expeditor provision, prefix other";
    let comment = format!("COMMENT ON ROLE {role} IS '{mark}'");
    execute(&mut world.admin().await, &comment).await.unwrap();
    world.refuses(&[], 3);
    nothing_but(&world, &[&role]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_database_of_somebody_else_is_left_alone() {
    let world = World::new().await;
    let name = world.names.service(ServiceName::Rider);
    execute(&mut world.admin().await, &format!("CREATE DATABASE {name}")).await.unwrap();
    let line = world.refuses(&[], 3);
    assert!(line.contains(&format!("the database {name} is there")), "{line}");
    nothing_but(&world, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_user_of_the_broker_who_may_do_more_is_left_alone() {
    let world = World::new().await;
    let user = world.names.service(ServiceName::Cook);
    let body = json!({"password": "x", "tags": "monitoring"});
    world.ask(Method::PUT, &format!("users/{user}"), &body).await;
    let line = world.refuses(&[], 3);
    assert!(line.contains(&format!("the user {user} is there")), "{line}");
    nothing_but(&world, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn who_may_not_set_up_is_told_so_in_one_line() {
    let world = World::new().await;
    let poor = format!("{}_poor", world.prefix);
    let sql = format!("CREATE ROLE {poor} LOGIN PASSWORD 'x'");
    execute(&mut world.admin().await, &sql).await.unwrap();
    let wrong = other_login(&world.shared.postgres, &poor, "secret!");
    let weak = other_login(&world.shared.postgres, &poor, "x");
    let stranger = other_login(world.api(), "nobody", "secret!");
    for (option, value, says) in [
        ("--database-url", wrong.as_str(), "password authentication failed"),
        (
            "--database-url",
            weak.as_str(),
            "may not make roles and databases (CREATEROLE, CREATEDB)",
        ),
        ("--database-url", "postgres://root:secret!@127.0.0.1:1/db", "PostgreSQL at 127.0.0.1:1: "),
        ("--amqp-api-url", stranger.as_str(), "refuses the login of nobody (401)"),
        (
            "--amqp-api-url",
            "http://127.0.0.1:1",
            "RabbitMQ's API at http://127.0.0.1:1: it does not answer",
        ),
    ] {
        let line = world.refuses(&[(option, value)], 3);
        assert!(line.contains(says) && !line.contains("secret!"), "{line}");
        nothing_but(&world, &[&poor]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_is_wrong_on_the_command_line_is_usage() {
    let world = World::new().await;
    for (option, value, says) in [
        ("--database-url", "http://a@b", "--database-url"),
        ("--amqp-url", "amqp://127.0.0.1", "--amqp-url"),
        ("--amqp-api-url", "127.0.0.1:15672", "--amqp-api-url"),
        ("--prefix", "a-b", "--prefix a-b"),
    ] {
        let line = world.refuses(&[(option, value)], 2);
        assert!(line.contains(says), "{line}");
    }
    nothing_but(&world, &[]).await;
}
