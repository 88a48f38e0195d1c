//! Rust's rtnetlink: `rust-rtnetlink links|routes N REPS`.

use futures::stream::TryStreamExt;
use rtnetlink::{new_connection, Handle, IpVersion};
use std::time::Instant;

async fn list_links(handle: &Handle) -> Result<usize, rtnetlink::Error> {
    let links: Vec<_> = handle.link().get().execute().try_collect().await?;
    Ok(links.len())
}

async fn list_routes(handle: &Handle) -> Result<usize, rtnetlink::Error> {
    let routes: Vec<_> = handle.route().get(IpVersion::V4).execute().try_collect().await?;
    Ok(routes.len())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.len() < 4 {
        return Err("usage: rust-rtnetlink links|routes N REPS".into());
    }
    let work = arguments[1].as_str();
    let reps: u32 = arguments[3].parse()?;

    let (connection, handle, _) = new_connection()?;
    tokio::spawn(connection);
    for _ in 0..reps {
        let start = Instant::now();
        let n = match work {
            "links" => list_links(&handle).await?,
            "routes" => list_routes(&handle).await?,
            _ => return Err(format!("{work}: no such work").into()),
        };
        let ms = start.elapsed().as_secs_f64() * 1e3;
        println!("{{\"work\":\"{work}\",\"n\":{n},\"ms\":{ms:.3}}}");
    }
    Ok(())
}
