//! A pool of connections sends for its gate only.

use hookward::gate::forward::pool::UpstreamPool;

pub async fn shortcut(pool: &UpstreamPool, request: http::Request<String>) {
    let _ = pool.send(request).await;
}

fn main() {}
