//! Names of upstreams, by the machine's own resolver: several addresses behind one, and others behind it than before.
//!
//! The gateway runs in a namespace of its own, where `/etc/hosts` is the test's. Where the machine allows no such namespace, the
//! tests fall back to the name that every machine has.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::support::config::{Config, Integration};
use crate::support::gateway::{Gateway, free_port};
use crate::support::poll;
use crate::support::provider::Provider;
use crate::support::upstream::Upstream;

const PROVIDER: Provider = Provider::Stripe;
const NAME: &str = "app.hookward.test";
const ONE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const OTHER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);
/// Runs what follows with the working directory's `hosts` in place of the machine's.
const WITH_HOSTS: &str = "mount --bind hosts /etc/hosts && exec \"$0\" \"$@\"";

/// What starts a program in a namespace for mounts, if the machine allows it.
fn namespace() -> Option<Vec<&'static str>> {
    let ways = [vec!["unshare", "--mount"], vec!["unshare", "--user", "--map-root-user", "--mount"]];
    ways.into_iter().find_map(|mut words| {
        words.extend(["sh", "-c"]);
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("hosts"), "").unwrap();
        let tried = Command::new(words[0]).args(&words[1..]).args([WITH_HOSTS, "true"]).current_dir(directory.path()).output();
        words.push(WITH_HOSTS);
        tried.is_ok_and(|output| output.status.success()).then_some(words)
    })
}

/// A gateway whose upstream is a name that stands for these addresses.
struct Named {
    gateway: Gateway,
    own: bool,
}

impl Named {
    fn start(port: u16, addresses: &[Ipv4Addr]) -> Self {
        let namespace = namespace();
        let host = if namespace.is_some() { NAME } else { "localhost" };
        let integration = Integration::new(PROVIDER, &format!("http://{host}:{port}/sink")).line("timeout = \"6s\"");
        let integration = if namespace.is_some() { integration.line("upstream_plaintext = true") } else { integration };
        let config = Config::of(integration).file("hosts", &hosts(addresses));
        let config = namespace.as_ref().map_or(config.clone(), |words| config.launcher(words));
        if namespace.is_none() {
            eprintln!("no namespace for mounts here: only `localhost` is tried");
        }
        Self { gateway: Gateway::start(config), own: namespace.is_some() }
    }

    /// Puts other addresses behind the name. In place: what is mounted is the file, not its path.
    fn move_to(&self, addresses: &[Ipv4Addr]) {
        fs::write(self.gateway.directory().join("hosts"), hosts(addresses)).unwrap();
    }
}

fn hosts(addresses: &[Ipv4Addr]) -> String {
    let named = addresses.iter().map(|address| format!("{address} {NAME}\n"));
    named.fold("127.0.0.1 localhost\n".to_owned(), |text, line| text + &line)
}

/// An address that takes no connection and refuses none.
fn silent(address: Ipv4Addr, port: u16) -> Vec<Socket> {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let place = SocketAddr::from((address, port)).into();
    listener.bind(&place).unwrap();
    listener.listen(0).unwrap();
    let mut held = vec![listener];
    for _ in 0..16 {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let taken = socket.connect_timeout(&place, Duration::from_millis(200)).is_ok();
        held.push(socket);
        if !taken {
            break;
        }
    }
    held
}

#[test]
fn ups_11_of_several_addresses_the_one_that_is_there_gets_the_delivery_and_gets_it_once() {
    // Whichever the resolver names first: the dead one stands on either side, once refusing and once silent.
    for (there, dead, is_silent) in [(ONE, OTHER, false), (OTHER, ONE, false), (ONE, OTHER, true), (OTHER, ONE, true)] {
        let port = free_port();
        let named = Named::start(port, &[dead, there]);
        let address = if named.own { there } else { Ipv4Addr::LOCALHOST };
        let _held = is_silent.then(|| silent(dead, port));
        let upstream = Upstream::at(address, port);
        for count in 1..=3 {
            let answer = named.gateway.deliver(&PROVIDER.delivery());
            assert_eq!(answer.status, 200, "{dead} is dead, silent: {is_silent}: {}", answer.text());
            assert_eq!(upstream.received().len(), count, "sent once");
        }
        named.gateway.finish().holds_exactly(&[("delivered", 200); 3]);
    }
}

#[test]
fn ups_11_a_name_that_moves_is_followed_at_once_where_the_old_place_is_gone() {
    let port = free_port();
    let named = Named::start(port, &[ONE]);
    let place = |address| if named.own { address } else { Ipv4Addr::LOCALHOST };
    let old = Upstream::at(place(ONE), port);
    assert_eq!(named.gateway.deliver(&PROVIDER.delivery()).status, 200);
    named.move_to(&[OTHER]);
    old.close_connections();
    drop(old);
    let new = poll(Duration::from_secs(5), || Upstream::try_at(place(OTHER), port)).expect("a free port");
    // What notices the end of the old connection only as it writes is told so, and nothing of it is sent again.
    let taken = (0..3).filter(|_| named.gateway.deliver(&PROVIDER.delivery()).status == 200).count();
    assert!(taken >= 2, "{taken} of 3");
    assert_eq!(new.received().len(), taken);
    named.gateway.finish();
}

#[test]
fn ups_11_a_name_that_moves_is_followed_while_the_old_place_still_answers() {
    let port = free_port();
    let named = Named::start(port, &[ONE]);
    if !named.own {
        // Both places have one address here: there is nothing to be followed.
        named.gateway.finish();
        return;
    }
    let (old, new) = (Upstream::at(ONE, port), Upstream::at(OTHER, port));
    assert_eq!(named.gateway.deliver(&PROVIDER.delivery()).status, 200);
    named.move_to(&[OTHER]);
    let mut sent = 1;
    // No connection is used for longer than half a minute, however busy it is.
    let moved = poll(Duration::from_secs(60), || {
        assert_eq!(named.gateway.deliver(&PROVIDER.delivery()).status, 200);
        sent += 1;
        std::thread::sleep(Duration::from_millis(250));
        (!new.received().is_empty()).then_some(())
    });
    assert!(moved.is_some(), "{} deliveries to where the name no longer points", old.received().len());
    assert_eq!(old.received().len() + new.received().len(), sent, "each once");
    named.gateway.finish();
}
