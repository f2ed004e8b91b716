//! Makes the dashboard ready to be embedded by `src/assets.rs`: scripts and styles joined and minified, named by their hash, compressed.
//!
//! What people edit stays as it is below `dashboard/`; nothing of it needs a build to be read. An error in a script or a style ends the build.

#[path = "build/bundle.rs"]
mod bundle;
#[path = "build/pages.rs"]
mod pages;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

/// A file as it is served.
pub struct Asset {
    /// Its address without the first `/`.
    pub path: String,
    pub bytes: Vec<u8>,
    /// Its name changes with its content, so that a browser may keep it for ever.
    pub named_by_hash: bool,
}

/// FNV-1a, 64 bits.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The address of a file that is named by its content: `assets/main-3f2a9c01.js`.
fn address(name: &str, bytes: &[u8]) -> String {
    let file = name.rsplit('/').next().unwrap_or(name);
    let (stem, extension) = file.rsplit_once('.').unwrap_or((file, ""));
    format!("assets/{stem}-{:08x}.{extension}", hash(bytes) as u32)
}

fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn brotli(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::new();
    brotli::BrotliCompress(&mut &*bytes, &mut out, &brotli::enc::BrotliEncoderParams::default())?;
    Ok(out)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new(&std::env::var("CARGO_MANIFEST_DIR")?).join("dashboard");
    println!("cargo:rerun-if-changed={}", root.display());
    println!("cargo:rerun-if-changed=build");
    let folder = std::env::var("OUT_DIR")?;
    let mut out = String::from("/// Every file of the dashboard, by address.\nstatic ASSETS: &[Asset] = &[\n");
    for (number, asset) in pages::assets(&root)?.iter().enumerate() {
        let Asset { path, bytes, named_by_hash } = asset;
        for (extension, content) in [("raw", bytes.clone()), ("gz", gzip(bytes)?), ("br", brotli(bytes)?)] {
            std::fs::write(Path::new(&folder).join(format!("{number}.{extension}")), content)?;
        }
        let include = |extension: &str| format!("include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{number}.{extension}\"))");
        writeln!(
            out,
            "    Asset {{ path: {path:?}, named_by_hash: {named_by_hash}, hash: {}, plain: {}, gzip: {}, brotli: {} }},",
            hash(bytes),
            include("raw"),
            include("gz"),
            include("br")
        )?;
    }
    out.push_str("];\n");
    std::fs::write(Path::new(&folder).join("assets.rs"), out)?;
    Ok(())
}
