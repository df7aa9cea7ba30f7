#!/usr/bin/env bash
# Makes one archive that runs after unpacking, in any folder of a Linux x86-64 with a glibc as new as this one's:
# the program, the libraries it needs, weights, completions, manual pages and all licences. For processors alone;
# CUDA's libraries are too large to pass on.
#   scripts/package.sh [--binary FILE] [--uncompressed] [--output FOLDER]
# Without --binary the program is built with all optimisations.
set -euo pipefail
binary= output=target/package compressed=1
while [ $# != 0 ]; do
    case "$1" in
        --binary) binary=$(realpath "$2"); shift 2 ;;
        --output) output=$2; shift 2 ;;
        --uncompressed) compressed=; shift ;;
        *) echo "usage: $0 [--binary FILE] [--uncompressed] [--output FOLDER]" >&2; exit 2 ;;
    esac
done
mkdir -p "$output"
output=$(realpath "$output")
cd "$(dirname "$0")/.."
if [ -z "$binary" ]; then
    [ -n "${LIBTORCH:-}" ] || scripts/libtorch.sh
    cargo build --locked --release
    binary=$PWD/target/release/lpmflow
fi
libtorch=$(realpath "${LIBTORCH:-.libtorch/torch}")

version=$("$binary" --version | cut -d' ' -f2)
name=lpmflow-$version-linux-x86_64
work=$(mktemp -d "$output/.package-XXXXXX")
trap 'rm -rf "$work"' EXIT
root=$work/$name
mkdir -p "$root"/{bin,lib,licences,share/man/man1}

# The libraries that the linker finds, but for those of the C library, which belong to the system.
cp "$binary" "$root/bin/lpmflow"
ldd "$binary" | sed -n 's/^[[:space:]]*\([^ ]*\) => \(\/[^ ]*\) .*/\1 \2/p' | while read -r library path; do
    case "$library" in
        libc.so.* | libm.so.* | libdl.so.* | librt.so.* | libpthread.so.* | libutil.so.*) ;;
        *) strip --strip-unneeded "$path" -o "$root/lib/$library"; chmod 755 "$root/lib/$library" ;;
    esac
done
[ -f "$root/lib/libtorch_cpu.so" ] || { echo "package: no libtorch is linked to $binary" >&2; exit 1; }
strip --strip-unneeded "$root/bin/lpmflow"
python3 scripts/package/runpath.py "$root/bin/lpmflow" '$ORIGIN/../lib'
for library in "$root"/lib/*; do python3 scripts/package/runpath.py "$library" '$ORIGIN'; done

mkdir "$root/weights"
cp weights/*.safetensors weights/README.md "$root/weights/"
mkdir "$root/demo"
cp scripts/demo/source.png scripts/demo/target.png scripts/demo/README.md "$root/demo/"
cp README.md LICENSE "$root/"
"$binary" man "$root/share/man/man1" 2>/dev/null
for shell in bash:bash-completion/completions/lpmflow zsh:zsh/site-functions/_lpmflow \
    fish:fish/vendor_completions.d/lpmflow.fish; do
    file=$root/share/${shell#*:}
    mkdir -p "$(dirname "$file")"
    "$binary" completions "${shell%%:*}" > "$file"
done

python3 scripts/package/licences.py "$root/licences/rust"
install -Dm644 -t "$root/licences/roboto" src/drawing/font/{README.md,LICENSE}
# libtorch and CUDA's runtime, from beside it; what is the compiler's, from the system.
for wheel in "$libtorch"/../torch-*.dist-info "$libtorch"/../nvidia_cuda_{runtime,cupti}-*.dist-info; do
    if [ -d "$wheel/licenses" ]; then
        cp -r "$wheel/licenses" "$root/licences/$(basename "$wheel" .dist-info)"
    fi
done
[ -n "$(ls -d "$root"/licences/torch-* 2>/dev/null)" ] || cp -r "$libtorch"/../LICENSE* "$root/licences/"
cat /usr/share/doc/gcc-*-base/copyright > "$root/licences/libstdc++-libgcc-libgomp" || {
    echo "package: the licence of the compiler's libraries is not in /usr/share/doc" >&2
    exit 1
}

if [ -n "$compressed" ]; then
    # gzip: what is there on every system.
    archive=$output/$name.tar.gz
    tar -C "$work" --owner=0 --group=0 --numeric-owner --sort=name -c "$name" | gzip -9 > "$work/archive"
else
    archive=$output/$name.tar
    tar -C "$work" --owner=0 --group=0 --numeric-owner --sort=name -cf "$work/archive" "$name"
fi
mv "$work/archive" "$archive"
glibc=$(cat "$root/bin/lpmflow" "$root"/lib/* | grep -aoE 'GLIBC_2\.[0-9]+' | sort -uV | tail -1)
echo "package: needs glibc ${glibc#GLIBC_} or newer" >&2
echo "package: $archive ($(du -m "$archive" | cut -f1) MB; unpacked $(du -sm "$root" | cut -f1) MB)" >&2
