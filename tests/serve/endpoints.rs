//! Endpoints as EndpointSlices name them: of both families, and with ports of their own.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::{Ipv6Addr, SocketAddr, TcpListener};

use crate::support::{Backend, Folder, Proxy, TO_A, client, gateway, http_route, service, text, until};

/// A backend on IPv6 loopback; `None`, and said so, where the machine has none.
async fn ipv6_backend(name: &'static str) -> Option<Backend> {
    if let Err(error) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) {
        eprintln!("not tested: this machine has no IPv6 loopback ({error})");
        return None;
    }
    Some(Backend::on("[::1]:0", move |_| async move { text(200, name) }).await)
}

/// A Service `a` with a named target port, and of these families.
fn service_of(families: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: a}}\nspec: {{ipFamilies: [{families}], ports: [{{name: web, port: 80, \
         targetPort: web}}]}}\n"
    )
}

/// An EndpointSlice of Service `a` with these ports, for one pod at one address.
fn slice(name: &str, pod: &str, address: SocketAddr, ports: &str) -> String {
    let (ip, family) = (address.ip(), if address.is_ipv4() { "IPv4" } else { "IPv6" });
    format!(
        "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\naddressType: {family}\nmetadata: {{name: {name}, labels: \
         {{kubernetes.io/service-name: a}}}}\nports: [{ports}]\nendpoints: [{{addresses: ['{ip}'], targetRef: {{kind: Pod, name: \
         {pod}, uid: uid-{pod}}}}}]\n"
    )
}

async fn proxy(services: &str) -> (Proxy, SocketAddr, Folder) {
    let folder = Folder::of(&[
        ("gateway.yaml", gateway(&[])),
        ("service.yaml", services.to_owned()),
        ("route.yaml", http_route("a", &[], TO_A)),
    ]);
    let proxy = Proxy::start(&folder).await;
    let address = proxy.address(80).await;
    (proxy, address, folder)
}

/// Who answers, in this many requests.
async fn answered(address: SocketAddr, requests: usize) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for _ in 0..requests {
        names.insert(client::get(address, "a.test", "/").await.expect("an answer").text());
    }
    names
}

/// Who answers, in as many requests as it takes to hear this many.
async fn who_answers(address: SocketAddr, count: usize) -> BTreeSet<String> {
    let seen = RefCell::<BTreeSet<String>>::default();
    until(&format!("{count} answer"), async || {
        let more = answered(address, 5).await;
        seen.borrow_mut().extend(more);
        (seen.borrow().len() >= count).then_some(())
    })
    .await;
    seen.into_inner()
}

async fn endpoints(proxy: &Proxy) -> Option<BTreeSet<String>> {
    let page = proxy.json("/endpoints").await?;
    page["default/a:80"].as_array()?.iter().map(|one| Some(one["address"].as_str()?.to_owned())).collect()
}

fn names<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    names.into_iter().map(ToOwned::to_owned).collect()
}

#[tokio::test]
async fn an_endpoint_on_ipv6_is_reached() {
    let Some(backend) = ipv6_backend("six").await else { return };
    let (_proxy, address, _folder) = proxy(&service("a", None, &[backend.address])).await;
    assert_eq!(answered(address, 3).await, names(["six"]));
}

#[tokio::test]
async fn a_pod_of_both_families_counts_once_and_by_the_services_first() {
    let (one, two) = (Backend::named("one by 4").await, Backend::named("two by 4").await);
    let Some(one_by_6) = ipv6_backend("one by 6").await else { return };
    let web = |backend: &Backend| format!("{{name: web, port: {}}}", backend.address.port());
    let slices = slice("a-1", "one", one.address, &web(&one))
        + &slice("a-2", "two", two.address, &web(&two))
        + &slice("a-3", "one", one_by_6.address, &web(&one_by_6));
    let (proxy, address, folder) = proxy(&(service_of("IPv4, IPv6") + &slices)).await;
    let known = |backends: [&Backend; 2]| backends.map(|backend| backend.address.to_string()).into();
    assert_eq!(endpoints(&proxy).await, Some(known([&one, &two])));
    assert_eq!(who_answers(address, 2).await, names(["one by 4", "two by 4"]));
    folder.write("service.yaml", &(service_of("IPv6, IPv4") + &slices));
    let wanted = known([&one_by_6, &two]);
    until("the other family goes first", async || (endpoints(&proxy).await? == wanted).then_some(())).await;
    let seen = answered(address, 20).await;
    assert!(!seen.contains("one by 4"), "{seen:?}");
}

#[tokio::test]
async fn a_named_target_port_may_differ_between_the_pods_of_a_service() {
    let backends = [Backend::named("one").await, Backend::named("two").await, Backend::named("not web").await];
    let [one, two, not_web] = &backends;
    let mut services = service_of("IPv4");
    for (pod, backend) in [("one", one), ("two", two)] {
        let ports = format!(
            "{{name: admin, port: {}}}, {{name: web, port: {}}}",
            not_web.address.port(),
            backend.address.port()
        );
        let _ = write!(services, "{}", slice(&format!("a-{pod}"), pod, backend.address, &ports));
    }
    let (proxy, address, _folder) = proxy(&services).await;
    let wanted = [one, two].map(|backend| backend.address.to_string()).into();
    assert_eq!(endpoints(&proxy).await, Some(wanted));
    assert_eq!(who_answers(address, 2).await, names(["one", "two"]));
}
