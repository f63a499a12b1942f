//! What the waypoint's objects say, followed while it serves.

use tokio::net::TcpStream;

use super::spoken;
use crate::clients::{Answer, tunnel};
use crate::manifests::{BYTES, ECHO, GENERAL, STRANGER, services};
use crate::pod::Name;
use crate::support::until;
use crate::world::World;

super::lines![a_service_is_served_from_its_enrolment_until_it_opts_out, what_a_policy_of_istios_would_judge_is_refused,];

async fn a_service_is_served_from_its_enrolment_until_it_opts_out(world: &World) {
    let request = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let answer = async || tunnel(&world.web, Name::Waypoint.v4(), STRANGER.v4(80), request.to_vec()).await.unwrap();
    assert_eq!(answer().await, "");
    world.write("services.yaml", &services().replace("istio.io/use-waypoint: none", ""));
    until("it is served", async || answer().await.starts_with("HTTP/1.1 200 ").then_some(())).await;
    world.write("services.yaml", &services());
    until("it is served no more", async || answer().await.is_empty().then_some(())).await;
}

async fn what_a_policy_of_istios_would_judge_is_refused(world: &World) {
    let at = |name: &str| format!("{{group: '', kind: Service, name: {name}}}");
    let policy = format!(
        "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: nobody, namespace: apps}}\nspec: {{targetRefs: \
         [{}, {}]}}\n",
        at(ECHO.name),
        at(BYTES.name)
    );
    world.write("policy.yaml", &policy);
    until("it is refused", async || {
        let answer = Answer::of(&world.web, &[&ECHO.url("/")]).await;
        (answer.status() == 403 && answer.field("x-pingway-reason") == "policy_not_enforced").then_some(())
    })
    .await;
    let before = world.refused("policy_not_enforced").await;
    let stream = world.web.run(TcpStream::connect(BYTES.v4(1))).await.expect("it accepts");
    assert_eq!(spoken(stream, b"").await, "", "bytes are closed");
    assert_eq!(world.refused("policy_not_enforced").await, before + 1.0);
    assert_eq!(Answer::of(&world.web, &[&GENERAL.url("/")]).await.status(), 200, "another Service");
    world.remove("policy.yaml");
    until("it is served", async || (Answer::of(&world.web, &[&ECHO.url("/")]).await.status() == 200).then_some(()))
        .await;
}
