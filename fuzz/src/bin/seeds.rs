//! Writes seeds for every fuzz target from the forge: `cargo run --bin seeds [FOLDER]`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use iiskeys_fixtures::config::{ConfigSpec, Encoding, schema};
use iiskeys_fixtures::container::{
    BlobSpec, CapiSpec, Cipher, CngSpec, Family, PairSpec, capi_name_only, file_name,
};
use iiskeys_fixtures::hive::{Data, HiveBuilder, dirty, new_log, old_log};
use iiskeys_fixtures::listing;
use iiskeys_fixtures::machine::{Machine, Os};

const GUID: &str = "9790b371-34a5-4c0c-b5d1-6d7f4f4c4e4a";

fn main() -> io::Result<()> {
    let given = std::env::args_os().nth(1).map(PathBuf::from);
    let root = given.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus"));
    let mut seeds = 0;
    for (target, files) in [
        ("application_host", configurations()),
        ("capi", capi()),
        ("cng", cng()),
        ("container_name", names()),
        ("dpapi_blob", blobs()),
        ("hive", vec![hive().build()]),
        ("hive_replay", replays()),
        ("listing", listings()),
        ("reg_export", exports()),
        ("schema", schemas()),
    ] {
        let folder = root.join(target);
        fs::create_dir_all(&folder)?;
        for (number, bytes) in files.iter().enumerate() {
            fs::write(folder.join(format!("seed-{number:02}")), bytes)?;
        }
        seeds += files.len();
    }
    println!("{seeds} seeds written to {}", root.display());
    Ok(())
}

fn capi() -> Vec<Vec<u8>> {
    vec![
        CapiSpec::new("Microsoft Internet Information Server").both("seed").bytes(),
        CapiSpec::new("iisWasKey").exchange(PairSpec::new("seed").bits(1024)).bytes(),
        CapiSpec::new("MS IIS DCOM Server").signature(PairSpec::new("seed").bits(512)).bytes(),
        capi_name_only("iisConfigurationKey"),
        vec![0; 1200],
    ]
}

fn cng() -> Vec<Vec<u8>> {
    vec![
        CngSpec::new("iisCngWasKey").bytes(),
        CngSpec::new("iisCngConfigurationKey").key(PairSpec::new("seed").bits(1024)).bytes(),
        CngSpec::new("le-0").name_only().bytes(),
    ]
}

fn hive() -> HiveBuilder {
    let mut hive = HiveBuilder::new("SOFTWARE");
    let _ = hive.key("Microsoft\\Cryptography").value("MachineGuid", Data::Sz(GUID.to_owned()));
    let _ = hive.key("Microsoft\\Windows NT\\CurrentVersion").value("Large", Data::Binary(vec![1; 20_000]));
    hive
}

fn replays() -> Vec<Vec<u8>> {
    let before = dirty(&hive().build());
    let mut after = hive();
    let _ = after.key("Microsoft\\Cryptography").value("MachineGuid", Data::Sz(GUID.to_uppercase()));
    let after = after.build();
    let units = u16::try_from(before.len() / 256).unwrap_or(u16::MAX).to_le_bytes();
    [new_log(&before, &after, 8), old_log(&before, &after)]
        .into_iter()
        .map(|log| [units.to_vec(), before.clone(), log].concat())
        .collect()
}

fn listings() -> Vec<Vec<u8>> {
    let files = Machine::new(Os::Server2003).listed();
    vec![
        listing::english_dir(&files, true),
        listing::utc_csv(&files, Some("WEB01")),
        listing::bodyfile(&files, true).into_bytes(),
    ]
}

fn exports() -> Vec<Vec<u8>> {
    let root = "HKEY_LOCAL_MACHINE\\SOFTWARE";
    vec![hive().export(root, ""), hive().export_v4(root, "Microsoft\\Cryptography")]
}

fn names() -> Vec<Vec<u8>> {
    let capi = file_name("iisWasKey", Family::Capi, GUID);
    let cng = file_name("iisCngWasKey", Family::Cng, GUID);
    [
        capi.clone(),
        cng.clone(),
        format!("{cng}_third"),
        format!("{capi}.OLD"),
        format!("{capi} - Copy"),
        format!("Copy of {capi}"),
        capi.to_uppercase(),
        "le-Web-9790b371".to_owned(),
    ]
    .map(String::into_bytes)
    .to_vec()
}

fn blobs() -> Vec<Vec<u8>> {
    [Cipher::TripleDesSha1, Cipher::Aes256Sha512]
        .map(|cipher| {
            BlobSpec {
                master_key: GUID.to_owned(),
                flags: 4,
                description: "CryptoAPI Private Key".to_owned(),
                cipher,
                plain_len: 128,
                seed: "seed".to_owned(),
            }
            .bytes()
        })
        .to_vec()
}

fn configurations() -> Vec<Vec<u8>> {
    let iis7 = ConfigSpec::iis7(2048).pool("Shop", Some("IISWASOnlyAesProvider")).site("Shop", "Shop");
    let mut files =
        vec![ConfigSpec::iis10().bytes(), ConfigSpec::cng_only().bytes(), ConfigSpec::rsa_only().bytes()];
    files.extend(Encoding::ALL.map(|encoding| encoding.encode(&iis7.text())));
    files
}

fn schemas() -> Vec<Vec<u8>> {
    let text = schema(&[
        ("system.applicationHost/applicationPools", "password", "IISWASOnlyAesProvider"),
        ("system.webServer/security/authentication/anonymousAuthentication", "password", "AesProvider"),
    ]);
    Encoding::ALL.map(|encoding| encoding.encode(&text)).to_vec()
}
