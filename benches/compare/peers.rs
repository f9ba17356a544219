//! How each target is configured, and what it does not do.
//!
//! - hookward: verification, replay claim, limits, audit with chain and body digest, metrics, all timeouts.
//! - nginx, plain: passes everything on. No verification, window, replay protection, audit, metrics.
//! - `HAProxy`, plain: the same.
//! - nginx + Lua, HMAC: one HMAC by OpenSSL, compared with `==`; nothing else.
//! - `HAProxy`, HMAC: one HMAC in its configuration language, in constant time; nothing else. Its buffer is set to hold the whole
//!   body: at the default size it refuses valid bodies over some 14 000 bytes.

use std::fs;
use std::io;
use std::path::Path;

use crate::requests::SECRET;
use crate::upstream::ADDRESS;

/// Where one target listens.
#[derive(Clone, Copy)]
pub struct Ports {
    pub plain: u16,
    pub tls: u16,
    pub admin: u16,
}

/// Everything on. With a spent budget, the source may send one request a minute.
pub fn hookward(path: &Path, ports: Ports, store: &str, limited: bool) -> io::Result<Vec<String>> {
    let binary = std::env::var("HOOKWARD_BINARY").map_err(|_| io::Error::other("HOOKWARD_BINARY names no binary"))?;
    fs::write(path.join("github.secret"), SECRET)?;
    fs::create_dir(path.join("audit"))?;
    let Ports { plain, tls, admin } = ports;
    let (rate, burst) = if limited { ("1/m", 1) } else { ("1000000/s", 1_000_000) };
    let route = if limited { "/limited" } else { "/github" };
    let config = write(
        path,
        "hookward.toml",
        &format!(
            "state_dir = \"state\"\n\
         [[listener]]\nname = \"plain\"\nbind = \"127.0.0.1:{plain}\"\nplaintext = \"trusted-proxy\"\ntrusted_proxies = [\"127.0.0.1/32\"]\n\
         [[listener]]\nname = \"tls\"\nbind = \"127.0.0.1:{tls}\"\ntls = {{ cert = \"tls.crt\", key = \"tls.key\" }}\n\
         [admin]\nbind = \"127.0.0.1:{admin}\"\n\
         [limits]\nmax_connections = 11000\nmax_connections_per_source = 11000\nidle_timeout = \"5m\"\n\
         [replay]\nstore = \"{store}\"\nuntimed_window = \"{}\"\n[audit]\noutput = \"audit/audit.jsonl\"\n\
         [rate_limit]\nper_source = {{ rate = \"{rate}\", burst = {burst} }}\nfailures_per_source = {{ rate = \"1000000/s\", burst = 1000000 }}\n\
         [log]\nlevel = \"warn\"\n\
         [integration.github]\nprovider = \"github\"\npath = \"{route}\"\nupstream = \"http://{ADDRESS}/github\"\n\
         secrets = [ {{ id = \"one\", file = \"github.secret\" }} ]\n",
            std::env::var("WINDOW").unwrap_or_else(|_| "24h".to_owned()),
        ),
    )?;
    Ok(vec![binary, "serve".to_owned(), "--config".to_owned(), config])
}

pub fn nginx(path: &Path, ports: Ports, verifies: bool) -> io::Result<Vec<String>> {
    let Ports { plain, tls, .. } = ports;
    let (root, name) = (path.display(), if verifies { "nginx-lua" } else { "nginx" });
    let modules =
        "load_module /usr/lib/nginx/modules/ndk_http_module.so;\nload_module /usr/lib/nginx/modules/ngx_http_lua_module.so;\n";
    let (modules, init, access) =
        if verifies { (modules, lua_init(), "access_by_lua_block { verify() }") } else { ("", String::new(), "") };
    let config = write(
        path,
        &format!("{name}.conf"),
        &format!(
            "{modules}daemon off; master_process off; worker_processes 1; pid {root}/{name}.pid; error_log stderr crit; \n\
         events {{ worker_connections 12000; }}\n\
         http {{ {init} access_log off; client_max_body_size 30m; client_body_buffer_size 2m; keepalive_requests 1000000; keepalive_timeout 5m;\n\
         client_body_temp_path {root}/{name}-b; proxy_temp_path {root}/{name}-p; fastcgi_temp_path {root}/{name}-f; uwsgi_temp_path {root}/{name}-u; scgi_temp_path {root}/{name}-s;\n\
         limit_req_zone $binary_remote_addr zone=spent:1m rate=1r/m; limit_req_status 429;\n\
         upstream up {{ server {ADDRESS}; keepalive 128; keepalive_requests 1000000; }}\n\
         server {{ listen 127.0.0.1:{plain} backlog=4096; listen 127.0.0.1:{tls} ssl backlog=4096; ssl_certificate {root}/tls.crt; ssl_certificate_key {root}/tls.key;\n\
         ssl_protocols TLSv1.3;\n\
         location /github {{ {access}\n proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection \"\"; }}\n\
         location /limited {{ limit_req zone=spent; proxy_pass http://up; }}\n location / {{ return 404; }} }} }}\n"
        ),
    )?;
    Ok(vec!["nginx".to_owned(), "-c".to_owned(), config])
}

fn lua_init() -> String {
    format!(
        "lua_package_path \"/usr/share/lua/5.1/?.lua;;\";\n init_by_lua_block {{\n local ffi = require \"ffi\"\n\
         ffi.cdef[[ const void *EVP_sha256(void); unsigned char *HMAC(const void *md, const void *key, int key_len, const unsigned char *d, size_t n, unsigned char *out, unsigned int *out_len); ]]\n\
         local key, out, length = \"{SECRET}\", ffi.new(\"unsigned char[32]\"), ffi.new(\"unsigned int[1]\")\n\
         function verify()\n local sent = ngx.req.get_headers()[\"x-hub-signature-256\"]\n if not sent then return ngx.exit(401) end\n\
         ngx.req.read_body()\n local body = ngx.req.get_body_data()\n if not body then return ngx.exit(413) end\n\
         ffi.C.HMAC(ffi.C.EVP_sha256(), key, #key, body, #body, out, length)\n\
         local mac = (ffi.string(out, 32):gsub(\".\", function (c) return string.format(\"%02x\", c:byte()) end))\n\
         if sent ~= \"sha256=\" .. mac then return ngx.exit(401) end\n end\n }}\n"
    )
}

pub fn haproxy(path: &Path, ports: Ports, verifies: bool) -> io::Result<Vec<String>> {
    let Ports { plain, tls, .. } = ports;
    let pem = path.join("haproxy.pem");
    fs::write(&pem, format!("{}{}", fs::read_to_string(path.join("tls.crt"))?, fs::read_to_string(path.join("tls.key"))?))?;
    let key = data_encoding::BASE64.encode(SECRET.as_bytes());
    let rules = format!(
        "  http-request deny deny_status 401 unless {{ req.hdr(x-hub-signature-256) -m found }}\n  http-request wait-for-body time 60s\n  \
         http-request set-var(txn.mac) req.body,hmac(sha256,{key}),hex,lower\n  \
         http-request set-var(txn.sent) req.hdr(x-hub-signature-256),regsub(^sha256=,)\n  \
         acl proven var(txn.sent),secure_memcmp(txn.mac)\n  http-request deny deny_status 401 unless proven\n"
    );
    let (name, rules) = if verifies { ("haproxy-hmac.cfg", rules) } else { ("haproxy.cfg", String::new()) };
    let config = write(
        path,
        name,
        &format!(
            "global\n  maxconn {}\n  nbthread 1\n  tune.bufsize {}\n  ssl-default-bind-options ssl-min-ver TLSv1.3\n\
         defaults\n  mode http\n  timeout client 5m\n  timeout server 60s\n  timeout connect 5s\n  timeout http-request 60s\n  timeout http-keep-alive 5m\n\
         backend spent\n  stick-table type ip size 10k expire 60s store http_req_rate(60s)\n\
         frontend f\n  bind 127.0.0.1:{plain} backlog 4096\n  bind 127.0.0.1:{tls} ssl crt {} backlog 4096\n  \
         http-request track-sc0 src table spent if {{ path /limited }}\n  http-request deny deny_status 429 if {{ path /limited }} {{ sc_http_req_rate(0) gt 1 }}\n  \
         http-request deny deny_status 404 unless {{ path /github }} or {{ path /limited }}\n{rules}  default_backend b\n\
         backend b\n  http-reuse always\n  server s {ADDRESS}\n",
            haproxy_connections()?,
            std::env::var("HAPROXY_BUFFER").unwrap_or_else(|_| "1100000".to_owned()),
            pem.display()
        ),
    )?;
    Ok(["haproxy", "-db", "-f", &config].map(str::to_owned).to_vec())
}

/// As many connections as it may open files for: `HAProxy` does not start with fewer files than two for each.
fn haproxy_connections() -> io::Result<u64> {
    let text = fs::read_to_string("/proc/self/limits")?;
    let line = text.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap_or_default();
    let files: u64 = line.split_whitespace().next().and_then(|text| text.parse().ok()).unwrap_or(1024);
    Ok((files.saturating_sub(200) / 2).clamp(100, 10_500))
}

fn write(directory: &Path, name: &str, text: &str) -> io::Result<String> {
    let path = directory.join(name);
    fs::write(&path, text)?;
    Ok(path.display().to_string())
}
