//! curl and this library's blocking server.
use premaster::{
    Policy, ServerConfig,
    config::{ClientAuthentication, ServerConfigBuilder},
    identity::Credentials,
    wire::ProtocolVersion,
};
use premaster_interop::{Authority, Key, Listener, Process, need, noise, process::Finished, www};
use std::{process::Command, sync::Arc};

struct House {
    authority: Authority,
    listener: Listener,
}

impl House {
    fn new() -> Self {
        Self { authority: Authority::new(), listener: Listener::bind() }
    }

    fn config(&self, change: impl FnOnce(ServerConfigBuilder) -> ServerConfigBuilder) -> Arc<ServerConfig> {
        let credential = self.authority.credential(Key::P256);
        let builder = ServerConfig::builder().credentials(Credentials::always(credential)).alpn(["http/1.1"]);
        Arc::new(change(builder).build().unwrap())
    }

    fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.listener.port())
    }

    fn curl(&self, arguments: &[&str]) -> Process {
        let mut command = Command::new("curl");
        command.args(["-q", "--silent", "--show-error", "--noproxy", "*", "--max-time", "25"]);
        command.args(["--resolve", &format!("localhost:{}:127.0.0.1", self.listener.port()), "--cacert"]);
        command.arg(self.authority.file()).args(arguments);
        Process::start(&mut command)
    }
}

fn succeeded(finished: Finished) -> Vec<u8> {
    assert!(finished.status.success(), "{}", String::from_utf8_lossy(&finished.written.stderr));
    finished.written.stdout
}

#[test]
fn two_requests_on_one_connection() {
    need!(Curl);
    let house = House::new();
    for version in [ProtocolVersion::TLS_1_3, ProtocolVersion::TLS_1_2] {
        let config = house.config(|builder| builder.policy(Policy::MODERN.with_versions(&[version])));
        let (one, two) = (house.url("/one"), house.url("/two"));
        let curl = house.curl(&["--data-binary", "posted", &one, &two]);
        let answer = |request: &www::Request| format!("{} {};", request.method, request.path).into_bytes();
        let requests = www::serve(config, house.listener.accept(), answer).unwrap();
        assert_eq!(succeeded(curl.wait()), b"POST /one;POST /two;", "{version}");
        assert_eq!(requests.len(), 2, "{version}");
        assert_eq!(requests[1].body, b"posted", "{version}");
    }
}

#[test]
fn ten_megabytes_each_way() {
    need!(Curl);
    let house = House::new();
    let content = noise(10 << 20);
    let file = house.authority.directory().join("noise");
    std::fs::write(&file, &content).unwrap();
    let upload = format!("@{}", file.display());
    // Without `Expect`, which asks the server for a go-ahead first.
    let curl = house.curl(&["-H", "Expect:", "--data-binary", &upload, &house.url("/echo")]);
    let config = house.config(|builder| builder);
    www::serve(config, house.listener.accept(), |request| request.body.clone()).unwrap();
    assert!(succeeded(curl.wait()) == content);
}

#[test]
fn client_certificate() {
    need!(Curl);
    let house = House::new();
    let issued = house.authority.issue(Key::P256);
    let required = || {
        house.config(|builder| {
            let verifier = house.authority.verifier().into();
            builder.client_authentication(ClientAuthentication::Required(verifier))
        })
    };
    let (certificate, key) = (&issued.certificate_file, &issued.key_file);
    let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
    let curl = house.curl(&["--cert", certificate, "--key", key, &house.url("/")]);
    www::serve(required(), house.listener.accept(), |_| b"welcome".to_vec()).unwrap();
    assert_eq!(succeeded(curl.wait()), b"welcome");

    let curl = house.curl(&[&house.url("/")]);
    www::serve(required(), house.listener.accept(), |_| b"never".to_vec()).unwrap_err();
    let finished = curl.wait();
    assert!(!finished.status.success() && finished.written.stdout.is_empty());
}

#[test]
fn a_name_that_the_certificate_lacks() {
    need!(Curl);
    let house = House::new();
    let port = house.listener.port();
    let resolve = format!("elsewhere.example:{port}:127.0.0.1");
    let curl = house.curl(&["--resolve", &resolve, &format!("https://elsewhere.example:{port}/")]);
    // Depending on its build curl says so in an alert, or closes.
    www::serve(house.config(|builder| builder), house.listener.accept(), |_| b"never".to_vec()).ok();
    // 60: the peer's certificate cannot be authenticated.
    assert_eq!(curl.wait().status.code(), Some(60));
}
