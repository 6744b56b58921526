#!/usr/bin/env bash
# Builds what a release ships for this machine's system: the program with its man pages, completions and documentation,
# as target/package/iiskeys-VERSION-TARGET.tar.gz, and on Debian and its kin as a .deb as well.
#
#   scripts/package.sh [TARGET]     TARGET is a Rust target; without it, the one of this machine
set -euo pipefail
cd "$(dirname "$0")/.."

cargo_deb_version=3.8.0
host=$(rustc -vV | sed -n 's/^host: //p')
target=${1:-$host}
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
package=target/package
name=iiskeys-$version-$target

cargo build --locked --release -p iiskeys --target "$target"
rm -rf "$package"
mkdir -p "$package/man" "$package/completions" "$package/$name"

# What completes and explains a command line is made with the program and carried in it, so the program hands it out.
# Where the target cannot run here, the host's own build does; the words are the same.
program=target/$target/release/iiskeys
if [ "$target" != "$host" ]; then
    cargo build --locked --release -p iiskeys
    maker=target/release/iiskeys
else
    maker=$program
fi
"$maker" man --all "$package/man"
"$maker" completions bash >"$package/completions/iiskeys.bash"
"$maker" completions zsh >"$package/completions/_iiskeys"
"$maker" completions fish >"$package/completions/iiskeys.fish"
"$maker" completions powershell >"$package/completions/_iiskeys.ps1"
"$maker" completions elvish >"$package/completions/iiskeys.elv"

for built in "$program" "$program.exe"; do
    if [ -f "$built" ]; then
        cp "$built" "$package/$name/"
    fi
done
cp -R README.md CHANGELOG.md LICENSE docs "$package/man" "$package/completions" "$package/$name/"
tar -C "$package" -czf "$package/$name.tar.gz" "$name"

if command -v dpkg-deb >/dev/null && [[ $target == *-linux-* ]]; then
    if ! cargo deb --version 2>/dev/null | grep -qF "$cargo_deb_version"; then
        cargo install cargo-deb --locked --version "$cargo_deb_version" --root target/ci-tools
        export PATH=$PWD/target/ci-tools/bin:$PATH
    fi
    cargo deb --locked --no-build -p iiskeys --target "$target" --output "$package"
fi

(cd "$package" && sha256sum -- *.tar.gz *.deb 2>/dev/null >SHA256SUMS || true)
ls -l "$package"
