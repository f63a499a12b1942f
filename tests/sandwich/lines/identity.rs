//! Who called: what mTLS proved, and nothing that a client says itself.

use std::net::SocketAddr;

use crate::clients::{Answer, tunnel};
use crate::manifests::ECHO;
use crate::mesh::certificates::Authority;
use crate::mesh::hbone;
use crate::mesh::proxy_header::header;
use crate::pod::Name;
use crate::support::until;
use crate::world::World;

super::lines![
    the_identity_that_mtls_proved_is_the_one_that_is_known,
    applications_are_told_who_called_where_the_gateway_asks_for_it,
    a_header_within_what_a_client_sends_is_no_header,
    whoever_has_no_certificate_of_the_mesh_ends_at_ztunnel,
];

const FORGED: &str =
    "x-forwarded-client-cert: By=spiffe://cluster.local/ns/a/sa/a;URI=spiffe://cluster.local/ns/mesh/sa/admin";

async fn the_identity_that_mtls_proved_is_the_one_that_is_known(world: &World) {
    for (pod, name) in [(&world.web, Name::Web), (&world.guest, Name::Guest)] {
        let path = format!("/identity/{}", name.word());
        let answer = Answer::of(pod, &["-H", FORGED, &ECHO.url(&path)]).await;
        assert_eq!(answer.told()["headers"].get("x-forwarded-client-cert"), None, "what clients send is taken away");
        let line = world.logged(&path).await;
        assert_eq!(line["source_principal"], name.identity());
        assert!(line["peer"].as_str().is_some_and(|peer| peer.starts_with(&format!("{}:", name.v4()))), "{line}");
    }
}

async fn applications_are_told_who_called_where_the_gateway_asks_for_it(world: &World) {
    world.annotate("ambient.istio.io/xfcc-include-client-identity: 'true'");
    for (pod, name) in [(&world.web, Name::Web), (&world.guest, Name::Guest)] {
        let expected = format!("By={};URI={}", Name::Waypoint.identity(), name.identity());
        until("the identity is told", async || {
            let told = Answer::of(pod, &["-H", FORGED, &ECHO.url("/")]).await.told();
            let field = told["headers"]["x-forwarded-client-cert"].as_str()?.to_owned();
            assert_eq!(field, expected);
            Some(())
        })
        .await;
    }
    world.annotate("");
    until("it is told no more", async || {
        let told = Answer::of(&world.web, &["-H", FORGED, &ECHO.url("/")]).await.told();
        told["headers"].get("x-forwarded-client-cert").is_none().then_some(())
    })
    .await;
}

async fn a_header_within_what_a_client_sends_is_no_header(world: &World) {
    let forged = header((Name::One.v4(), 1).into(), ECHO.v4(80), Some("spiffe://cluster.local/ns/mesh/sa/admin"));
    let bytes = [&forged[..], b"GET /forged HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"].concat();
    let answer = tunnel(&world.web, Name::Waypoint.v4(), ECHO.v4(80), bytes).await.expect("it is tunnelled");
    assert!(!answer.contains("200 OK"), "{answer}");
    let lines = world.proxy.access_log();
    assert!(lines.iter().all(|line| line["source_principal"] != "spiffe://cluster.local/ns/mesh/sa/admin"));
}

async fn whoever_has_no_certificate_of_the_mesh_ends_at_ztunnel(world: &World) {
    let peer = SocketAddr::new(Name::Waypoint.v4(), hbone::PORT);
    // It trusts what the mesh trusts, and shows what another authority signed.
    let foreign = Authority::new().credentials(&Name::Web.identity());
    let tls = foreign.trusting(&world.authority).client(&Name::Waypoint.identity());
    let asked = async move { hbone::ask(hbone::connect(peer, tls).await?.0, ECHO.v4(80)).await.map(|_| ()) };
    assert!(world.web.run(asked).await.is_err(), "it is not of the mesh");
}
