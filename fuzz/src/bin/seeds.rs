//! Writes seeds for every fuzz target from the forge: `cargo run --bin seeds [FOLDER]`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use iiskeys_fixtures::acl::{self, Acl};
use iiskeys_fixtures::archive::{Packed, Zip, gzip, tar, zstd};
use iiskeys_fixtures::certificate::{CertificateSpec, LinkSpec, PublicKeySpec, StoredSpec};
use iiskeys_fixtures::codec;
use iiskeys_fixtures::config::{ConfigSpec, Encoding, schema};
use iiskeys_fixtures::container::{
    BlobSpec, CapiSpec, Cipher, CngSpec, Family, PairSpec, capi_name_only, file_name,
};
use iiskeys_fixtures::disk::ewf::{self, EwfSpec, Program, ewf};
use iiskeys_fixtures::disk::partition::{BASIC_DATA, gpt_disk, mbr_disk, ntfs_boot_sector};
use iiskeys_fixtures::disk::qcow2::{Packing, Qcow2};
use iiskeys_fixtures::disk::vdi::Vdi;
use iiskeys_fixtures::disk::vhd;
use iiskeys_fixtures::disk::vmdk::{Pieces, Vmdk};
use iiskeys_fixtures::event_log::{EventSpec, evt, evtx};
use iiskeys_fixtures::hive::{Data, HiveBuilder, dirty, new_log, old_log};
use iiskeys_fixtures::listing;
use iiskeys_fixtures::machine::{Machine, Os};

#[expect(dead_code, reason = "not every vector makes a seed")]
#[path = "../../../crates/core/src/proof/tests/vectors.rs"]
mod vectors;

const GUID: &str = "9790b371-34a5-4c0c-b5d1-6d7f4f4c4e4a";

fn main() -> io::Result<()> {
    let given = std::env::args_os().nth(1).map(PathBuf::from);
    let root = given.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus"));
    let mut seeds = 0;
    for (target, files) in [
        ("acl_listing", acl_listings()),
        ("application_host", configurations()),
        ("archive", archives()),
        ("capi", capi()),
        ("cng", cng()),
        ("container_keys", [capi(), cng()].concat()),
        ("container_name", names()),
        ("disk_ewf", expert_witness()),
        ("disk_image", whole_disks()),
        ("disk_partition", partitioned()),
        ("disk_qcow2", qcow2()),
        ("disk_vdi", vdi()),
        ("disk_vhd", vhds()),
        ("disk_vhdx", vhdxs()),
        ("disk_vmdk", vmdk()),
        ("dpapi_blob", blobs()),
        ("hive", vec![hive().build()]),
        ("hive_replay", replays()),
        ("listing", listings()),
        ("lsa", lsa()),
        ("master_key", vec![hex(vectors::MASTER_KEY_FILE)]),
        ("ntfs_codec", codecs()),
        ("ntfs_volume", volumes()),
        ("reg_export", exports()),
        ("schema", schemas()),
        ("security_descriptor", descriptors()),
        ("config_copies", copies()),
        ("metabase", metabases()),
        ("rsa_key_value", key_values()),
        ("session_key", session_keys()),
        ("certificate_blob", certificates()),
        ("http_sys", endpoints()),
        ("event_evt", legacy_logs()),
        ("event_evtx", logs()),
        ("report", reports()?),
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

fn archives() -> Vec<Vec<u8>> {
    let ticks = 131_961_495_671_234_567;
    let files = [
        Packed::new("C/Windows/System32/config/SOFTWARE", &[5; 300]).at(ticks, ticks),
        Packed::new("C:\\keys\\..\\key", b"key"),
    ];
    let mut seeds =
        vec![tar(&files, false), tar(&files, true), gzip(&tar(&files, true)), zstd(&tar(&files, false))];
    for (deflate, zip64) in [(false, false), (true, false), (true, true)] {
        seeds.push(Zip { deflate, zip64, ntfs: deflate, prefix: 0 }.write(&files));
    }
    seeds
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
        .into_iter()
        .chain([hex(vectors::BLOB), hex(vectors::BLOB_WITH_ENTROPY)])
        .collect()
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.chars().filter_map(|digit| digit.to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect()
}

/// Key lists and secrets, each behind the byte that says which it is.
fn lsa() -> Vec<Vec<u8>> {
    let values = [vectors::WIN10_KEY_LIST, vectors::WIN10_SECRET, vectors::XP_POLICY_KEY, vectors::XP_SECRET];
    (0..).zip(values).map(|(kind, value)| [vec![kind], hex(value)].concat()).collect()
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

/// One compressed piece of each format after the byte that selects it and an output of 4 KiB.
fn codecs() -> Vec<Vec<u8>> {
    let text: Vec<u8> = (0..4096_u32).map(|at| (at.wrapping_mul(at) >> 7) as u8 & 31).collect();
    [codec::lznt1(&text), codec::xpress(&text), codec::lzx(&text)]
        .into_iter()
        .zip(4_u8..)
        .map(|(packed, first)| [vec![first], packed].concat())
        .collect()
}

/// Bytes of a small disk: zeros, a repeated byte and a pattern.
fn small_disk() -> Vec<u8> {
    [vec![0; 5000], vec![0x5a; 5000], (0..6384u32).map(|n| (n / 3) as u8).collect()].concat()
}

/// An image and the file that stands beside it.
fn beside(image: &[u8], other: &[u8]) -> Vec<u8> {
    let count = u32::try_from(image.len()).unwrap_or(u32::MAX).to_le_bytes();
    [&count, image, other].concat()
}

fn qcow2() -> Vec<Vec<u8>> {
    let (disk, small) = (small_disk(), Qcow2::new().cluster_bits(9));
    vec![
        beside(&small.write(&disk), &[]),
        beside(&small.clone().version(2).write(&disk), &[]),
        beside(&small.clone().packing(Packing::Deflate).write(&disk), &[]),
        beside(&small.clone().packing(Packing::Zstd).write(&disk), &[]),
        beside(&small.clone().backing("parent", Some("qcow2")).write(&disk), &small.write(&disk)),
        beside(&small.clone().backing("parent", Some("raw")).write(&disk), &disk),
        beside(&small.data_file("data").write(&disk), &disk),
        beside(&Qcow2::new().cluster_bits(14).extended_l2().write(&disk), &[]),
    ]
}

fn vdi() -> Vec<Vec<u8>> {
    let small = Vdi::new().block(4096);
    vec![
        beside(&small.write(&small_disk()), &[]),
        beside(&small.extra(512).fixed().write(&small_disk()), &[]),
    ]
}

fn vmdk() -> Vec<Vec<u8>> {
    let (disk, small) = (small_disk(), Vmdk::new().grain(8));
    let (flat, data) = small.monolithic_flat("data", &disk);
    let (split, pieces) = small.split("disk", Pieces::Sparse, disk.len(), &disk, &[]);
    let (esx, delta) = small.vmfs_sparse("delta", &disk, &[]);
    let child =
        small.clone().zeroed().parent(0x1234_5678, "parent").monolithic_sparse("disk", &disk, &[1; 9000]);
    vec![
        beside(&small.monolithic_sparse("disk", &disk, &[]), &[]),
        beside(&small.stream_optimized("disk", &disk), &[]),
        beside(&child, &small.monolithic_sparse("parent", &disk, &[])),
        beside(&flat, &data),
        beside(&split, &pieces.iter().flat_map(|(_, bytes)| bytes.clone()).collect::<Vec<_>>()),
        beside(&esx, &delta),
    ]
}

fn acls() -> Vec<Acl> {
    vec![
        Acl::of_container(),
        Acl::of_folder().deny(acl::READ, acl::EVERYONE),
        Acl::new().entry(5, 0x1b, acl::FULL, acl::SYSTEM),
        Acl::null(),
    ]
}

fn descriptors() -> Vec<Vec<u8>> {
    acls().iter().flat_map(|acl| [acl.bytes(), acl.sddl().into_bytes()]).collect()
}

fn acl_listings() -> Vec<Vec<u8>> {
    let rows: Vec<(String, Acl)> =
        acls().into_iter().map(|acl| ("C:\\MachineKeys\\key".to_owned(), acl)).collect();
    let all = |print: &dyn Fn(&str, &Acl) -> String| -> Vec<u8> {
        rows.iter().map(|(path, acl)| print(path, acl)).collect::<String>().into_bytes()
    };
    vec![
        all(&|path, acl| acl.icacls(path, &acl::english)),
        all(&|path, acl| acl.icacls(path, &acl::german)),
        all(&|path, acl| acl.format_list(path, &acl::english, true)),
        all(&|path, acl| acl.format_list(path, &acl::french, false)),
        acl::sddl_csv(&rows).into_bytes(),
        acl::saved(&rows),
    ]
}

fn expert_witness() -> Vec<Vec<u8>> {
    let disk: Vec<u8> = (0..9 * 512_u32).map(|at| (at / 100) as u8).collect();
    [
        (Program::EnCase, ewf::Packing::Plain),
        (Program::Ftk, ewf::Packing::Zlib),
        (Program::Linen, ewf::Packing::Shorter),
        (Program::Smart, ewf::Packing::Zlib),
    ]
    .into_iter()
    .flat_map(|(program, packing)| {
        let md5 = Some([1; 16]);
        ewf(&disk, &EwfSpec { program, packing, md5, chunk_sectors: 2, ..EwfSpec::default() }).0
    })
    .collect()
}

fn partitioned() -> Vec<Vec<u8>> {
    let boot = ntfs_boot_sector(512, 7);
    let large = ntfs_boot_sector(4096, 7);
    vec![
        gpt_disk(&[(40, &boot, "Basic data partition", BASIC_DATA, [1; 16])], 512, 128),
        gpt_disk(&[(8, &large, "Basic data partition", BASIC_DATA, [1; 16])], 4096, 32),
        mbr_disk(7, &[(8, &boot, 0x07)], &[(21, &boot, 0x07), (31, &boot, 0x0b)], 512, 64),
        boot,
    ]
}

fn volumes() -> Vec<Vec<u8>> {
    use iiskeys_fixtures::ntfs::{Algorithm, FileOptions, FolderOptions, Layout, Reparse, VolumeBuilder};
    let mut volume = VolumeBuilder::new().cluster_size(512).log_file_size(4096).fragmented_mft(3);
    let text = "compressible ".repeat(1000);
    volume.file_with("lznt1", text.as_bytes(), FileOptions::layout(Layout::Lznt1));
    volume.file_with("wof", text.as_bytes(), FileOptions::wof(Algorithm::Lzx));
    volume.file_with("spilled", text.as_bytes(), FileOptions::spilled().stream("a", b"b"));
    volume.file_with("link", b"", FileOptions::reparse(Reparse::symlink("dir")));
    volume.dir_with("dir", FolderOptions { spill: true, blocks: true, ..FolderOptions::default() });
    volume.file("dir/file", b"content");
    vec![volume.build()]
}

fn vhds() -> Vec<Vec<u8>> {
    let options = vhd::Options { block_size: 4096, ..vhd::Options::default() };
    let disk = [vec![1; 5000], vec![0; 4216], vec![2; 1024]].concat();
    vec![vhd::fixed(&disk, &options), vhd::dynamic(&disk, &options)]
}

/// No change to either forged image.
fn vhdxs() -> Vec<Vec<u8>> {
    [0, 1].map(|which| [vec![which], vec![0; 992]].concat()).to_vec()
}

/// The volume of [`volumes`] alone, on partitioned disks, and those disks in images.
fn whole_disks() -> Vec<Vec<u8>> {
    let volume = volumes().concat();
    let sectors = u32::try_from(volume.len() / 512).unwrap_or_default() + 64;
    let mbr = mbr_disk(7, &[(8, &volume, 0x07)], &[], 512, sectors);
    let gpt =
        gpt_disk(&[(40, &volume, "Basic data partition", BASIC_DATA, [1; 16])], 512, u64::from(sectors) + 64);
    vec![
        Qcow2::new().cluster_bits(12).write(&mbr),
        Vdi::new().block(4096).write(&gpt),
        vhd::fixed(&mbr, &vhd::Options::default()),
        ewf(&mbr, &EwfSpec::default()).0.concat(),
        volume,
        mbr,
        gpt,
    ]
}

fn copies() -> Vec<Vec<u8>> {
    let old = ConfigSpec::iis7(1024).pool("Shop", Some("IISWASOnlyAesProvider")).site("www", "Shop");
    let new = ConfigSpec::iis10().pool("Shop", Some("IISWASOnlyCngProvider"));
    vec![[old.bytes(), vec![0], new.bytes()].concat(), old.bytes()]
}

/// A session key of a metabase in form only, RSA with 512 bits.
fn metabase_key() -> Vec<u8> {
    let lengths = [152_u32, 76, 64].map(u32::to_le_bytes).concat();
    let key = [1, 2, 0, 0, 1, 0x68, 0, 0, 0, 0xa4, 0, 0];
    [b"IcKb", &lengths[..], &key, &[0x5a; 64 + 4 + 64]].concat()
}

fn metabases() -> Vec<Vec<u8>> {
    let key: String = metabase_key().iter().map(|byte| format!("{byte:02x}")).collect();
    let text = format!(
        "<configuration><MBProperty><IIS_Global Location=\".\" ChangeNumber=\"1\" SessionKey=\"{key}\"/>\
         <IIsWebService Location=\"/LM/W3SVC\" AdminACL=\"4963446200\"/></MBProperty></configuration>"
    );
    vec![text.into_bytes(), [&[0; 16][..], b"IcDb", &metabase_key()].concat()]
}

fn key_values() -> Vec<Vec<u8>> {
    let public = "<Modulus>j4+Pj4+Pj48=</Modulus><Exponent>AQAB</Exponent>";
    let private =
        ["P", "Q", "DP", "DQ", "InverseQ", "D"].map(|name| format!("<{name}>Aw==</{name}>")).concat();
    [public.to_owned(), format!("{public}{private}")]
        .map(|inner| format!("<RSAKeyValue>{inner}</RSAKeyValue>").into_bytes())
        .to_vec()
}

fn session_keys() -> Vec<Vec<u8>> {
    let blob = [&[1, 2, 0, 0, 0x0e, 0x66, 0, 0, 0, 0xa4, 0, 0][..], &[0x5a; 128]].concat();
    let triple = [&[0x8c, 0, 0, 0, 1, 2, 0, 0, 3, 0x66, 0, 0, 0, 0xa4, 0, 0][..], &[0x5a; 160]].concat();
    vec![
        blob,
        triple,
        metabase_key(),
        vec![0x5a; 80],
        iiskeys_fixtures::config::session_key("seed", 1024).into_bytes(),
    ]
}

fn certificates() -> Vec<Vec<u8>> {
    let key = PublicKeySpec::Rsa(PairSpec::new("seed").bits(1024).modulus(), 65537);
    let rsa = StoredSpec::new(CertificateSpec::new("www.example.test", key))
        .link(LinkSpec::capi("le-WebServer-1"))
        .friendly_name("Shop");
    let ec = StoredSpec::new(CertificateSpec::new("ec.example.test", PublicKeySpec::Ec))
        .link(LinkSpec::cng("{C}"));
    vec![rsa.blob(), rsa.certificate.der(), ec.blob(), ec.certificate.der()]
}

fn endpoints() -> Vec<Vec<u8>> {
    ["0.0.0.0:443", "[::1]:8443", "www.example.test:443", "10.0.0.1:443:shop.example.test", "*:443:"]
        .map(|name| name.as_bytes().to_vec())
        .to_vec()
}

fn events() -> Vec<EventSpec> {
    let time = 132_500_000_000_000_000;
    vec![
        EventSpec::new(7, time, "Service Control Manager", 7024)
            .params(&["IISADMIN", "%%2148073478"])
            .binary(b"IIS"),
        EventSpec::new(8, time, "Microsoft-Windows-WAS", 5059).named("AppPoolID", "Shop"),
        EventSpec::new(9, time, "W3SVC", 1002).text("Shop"),
    ]
}

fn legacy_logs() -> Vec<Vec<u8>> {
    let dirty = evt::EvtOptions { dirty: true, ..Default::default() };
    let ring = evt::EvtOptions { ring: Some((1024, 700)), ..Default::default() };
    vec![evt::evt(&events()), evt::write(&events(), &dirty), evt::write(&events(), &ring)]
}

fn logs() -> Vec<Vec<u8>> {
    let plain = evtx::EvtxOptions { plain: true, ..Default::default() };
    let chunks = evtx::EvtxOptions { records_per_chunk: 2, ..Default::default() };
    vec![evtx::evtx(&events()), evtx::write(&events(), &plain), evtx::write(&events(), &chunks)]
}

/// The reviewed reports of the checked-in cases.
fn reports() -> io::Result<Vec<Vec<u8>>> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    let mut paths: Vec<PathBuf> =
        fs::read_dir(fixtures)?.flatten().map(|entry| entry.path().join("expected.json")).collect();
    paths.retain(|path| path.is_file());
    paths.sort();
    paths.iter().map(fs::read).collect()
}
