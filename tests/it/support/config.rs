//! Configurations as an operator would write them, in text.

use std::fmt::Write as _;

use super::provider::Provider;

/// The ports of one gateway.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    pub(crate) public: u16,
    pub(crate) plain: u16,
    pub(crate) admin: u16,
    pub(crate) probe: u16,
}

/// A configuration in the making. Its paths are relative to the file it is written to.
#[derive(Clone, Default)]
pub(crate) struct Config {
    integrations: Vec<Integration>,
    lines: Vec<(&'static str, String)>,
    plain: bool,
    probe: bool,
    tls: Option<String>,
    token: bool,
    public_lines: String,
    plain_lines: String,
    listeners: String,
    tail: String,
    written: Option<String>,
    pub(crate) files: Vec<(String, String)>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) launcher: Vec<String>,
}

impl Config {
    /// TLS, the memory store, an audit file; deliveries signed before the start are taken, unless a test is about that rule.
    pub(crate) fn new() -> Self {
        Self::default()
            .set("replay", "store", "\"memory\"")
            .set("replay", "cold_start", "\"accept\"")
            .set("audit", "output", "\"audit.jsonl\"")
            .set("log", "level", "\"info\"")
            .set("log", "format", "\"json\"")
            .set("limits", "drain_timeout", "\"5s\"")
    }

    /// The same with the store on disk, which is the default, as is its cold start.
    pub(crate) fn disk(self) -> Self {
        self.unset("replay", "store").unset("replay", "cold_start")
    }

    /// A whole file as somebody wrote it, on the ports of the test.
    pub(crate) fn written(text: &str) -> Self {
        Self { written: Some(text.to_owned()), ..Self::default() }
    }

    /// Lets another program start the gateway.
    pub(crate) fn launcher(mut self, words: &[&str]) -> Self {
        self.launcher = words.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    /// The same with the store in Redis.
    pub(crate) fn redis(self, url: &str) -> Self {
        self.set("replay", "store", "\"redis\"")
            .set("replay", "redis", "{ url = { env = \"HOOKWARD_REDIS_URL\" } }")
            .environment("HOOKWARD_REDIS_URL", url)
    }

    /// One integration for each provider, all to one upstream.
    pub(crate) fn all_providers(upstream: &str) -> Self {
        Provider::ALL.iter().fold(Self::new(), |config, provider| config.integration(Integration::new(*provider, upstream)))
    }

    /// One integration.
    pub(crate) fn of(integration: Integration) -> Self {
        Self::new().integration(integration)
    }

    pub(crate) fn integration(mut self, integration: Integration) -> Self {
        for secret in &integration.secrets {
            self.files.push((secret.file(&integration.name), secret.text.clone()));
        }
        self.integrations.push(integration);
        self
    }

    /// Sets a key of a table to a TOML value, in place of what it had.
    pub(crate) fn set(mut self, table: &'static str, key: &str, value: &str) -> Self {
        let prefix = format!("{key} = ");
        self.lines.retain(|(known, line)| *known != table || !line.starts_with(&prefix));
        self.lines.push((table, format!("{prefix}{value}")));
        self
    }

    /// Lets a key have its default.
    pub(crate) fn unset(mut self, table: &'static str, key: &str) -> Self {
        let prefix = format!("{key} = ");
        self.lines.retain(|(known, line)| *known != table || !line.starts_with(&prefix));
        self
    }

    /// A plaintext listener beside the other.
    pub(crate) fn plain(mut self) -> Self {
        self.plain = true;
        self
    }

    /// A plaintext listener beside the other, with these lines.
    pub(crate) fn plain_with(mut self, lines: &str) -> Self {
        lines.clone_into(&mut self.plain_lines);
        self.plain()
    }

    /// More lines of the public listener.
    pub(crate) fn public_with(mut self, lines: &str) -> Self {
        lines.clone_into(&mut self.public_lines);
        self
    }

    /// Tables at the end, as they are.
    pub(crate) fn tail(mut self, text: &str) -> Self {
        self.tail.push_str(text);
        self
    }

    /// One more listener.
    pub(crate) fn listener(mut self, lines: &str) -> Self {
        let _ = writeln!(self.listeners, "[[listener]]\n{lines}\n");
        self
    }

    /// What stands in the table `tls` of the public listener.
    pub(crate) fn tls(mut self, table: &str) -> Self {
        self.tls = Some(table.to_owned());
        self
    }

    /// An admin token, so that an operator can change something.
    pub(crate) fn token(self) -> Self {
        Self { token: true, ..self }.file("admin.token", super::operator::TOKEN)
    }

    /// A listener for probes only.
    pub(crate) fn probe(mut self) -> Self {
        self.probe = true;
        self
    }

    pub(crate) fn file(mut self, name: &str, text: &str) -> Self {
        self.files.push((name.to_owned(), text.to_owned()));
        self
    }

    pub(crate) fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The whole file.
    pub(crate) fn text(&self, ports: Ports) -> String {
        if let Some(written) = &self.written {
            let admin = format!("[admin]\nbind = \"127.0.0.1:{}\"", ports.admin);
            return written.replace("0.0.0.0:8443", &format!("127.0.0.1:{}", ports.public)).replace("[admin]", &admin);
        }
        let mut text = String::from("state_dir = \"state\"\n\n[[listener]]\nname = \"public\"\n");
        let public = ports.public;
        let tls = self.tls.as_deref().unwrap_or("cert = \"tls.crt\", key = \"tls.key\"");
        let _ = writeln!(text, "bind = \"127.0.0.1:{public}\"\ntls = {{ {tls} }}\n{}\n", self.public_lines);
        if self.plain {
            let _ =
                writeln!(text, "[[listener]]\nname = \"plain\"\nbind = \"127.0.0.1:{}\"\n{}\n", ports.plain, self.plain_lines);
        }
        text.push_str(&self.listeners);
        let _ = writeln!(text, "[admin]\nbind = \"127.0.0.1:{}\"", ports.admin);
        if self.token {
            text.push_str("token = { file = \"admin.token\" }\n");
        }
        if self.probe {
            let _ = writeln!(text, "probe_bind = \"127.0.0.1:{}\"", ports.probe);
        }
        let mut tables = self.lines.iter().map(|(table, _)| *table).collect::<Vec<_>>();
        tables.sort_unstable();
        tables.dedup();
        for table in tables {
            let _ = writeln!(text, "\n[{table}]");
            for (_, line) in self.lines.iter().filter(|(known, _)| *known == table) {
                let _ = writeln!(text, "{line}");
            }
        }
        for integration in &self.integrations {
            text.push_str(&integration.text());
        }
        text + "\n" + &self.tail
    }
}

/// One `[integration.NAME]`.
#[derive(Clone)]
pub(crate) struct Integration {
    name: String,
    provider: String,
    path: String,
    upstream: String,
    secrets: Vec<SecretLine>,
    lines: Vec<String>,
}

#[derive(Clone)]
struct SecretLine {
    id: String,
    text: String,
    rest: String,
}

impl SecretLine {
    fn file(&self, integration: &str) -> String {
        format!("secret-{integration}-{}", self.id)
    }
}

impl Integration {
    /// Named as its provider, on the provider's path, with the secret `current`.
    pub(crate) fn new(provider: Provider, upstream: &str) -> Self {
        Self {
            name: provider.name().to_owned(),
            provider: provider.name().to_owned(),
            path: provider.path(),
            upstream: upstream.to_owned(),
            secrets: Vec::new(),
            lines: Vec::new(),
        }
        .secret("current", &provider.secret("current").configured, "")
    }

    pub(crate) fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self.path = format!("/hooks/{name}");
        self
    }

    pub(crate) fn path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// One more secret; `rest` is what stands behind it in its table, such as `, not_after = …`.
    pub(crate) fn secret(mut self, id: &str, text: &str, rest: &str) -> Self {
        self.secrets.push(SecretLine { id: id.to_owned(), text: text.to_owned(), rest: rest.to_owned() });
        self
    }

    /// Takes away the secrets so far.
    pub(crate) fn without_secrets(mut self) -> Self {
        self.secrets.clear();
        self
    }

    /// One more line of the table.
    pub(crate) fn line(mut self, line: &str) -> Self {
        self.lines.push(line.to_owned());
        self
    }

    fn text(&self) -> String {
        let secrets = self.secrets.iter().map(|secret| {
            let SecretLine { id, rest, .. } = secret;
            format!("  {{ id = \"{id}\", file = \"{}\"{rest} }},\n", secret.file(&self.name))
        });
        let secrets = secrets.collect::<String>();
        let Self { name, provider, path, upstream, .. } = self;
        let lines = self.lines.iter().fold(String::new(), |text, line| text + line + "\n");
        format!(
            "\n[integration.{name}]\nprovider = \"{provider}\"\nowner = \"team@example.com\"\npath = \"{path}\"\n\
             upstream = \"{upstream}\"\nsecrets = [\n{secrets}]\n{lines}"
        )
    }
}
