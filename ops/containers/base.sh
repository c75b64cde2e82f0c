#!/usr/bin/env bash
# Makes the base image of jobs/Dockerfile without a registry, from Debian's packages: glibc, libgcc,
# certificates, time zones, a user 65532 and nothing else. For machines that no registry answers;
# everywhere else the distroless image that jobs/Dockerfile names is the base.
#
#   ops/containers/base.sh [TAG]      default: localhost/market-lake-base:nonroot
#
# Needs a Debian 12 with apt, dpkg-deb and a container engine. The same packages make the same image.
set -euo pipefail

tag=${1:-localhost/market-lake-base:nonroot}
packages=(base-files ca-certificates libc6 libgcc-s1 netbase tzdata)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/packages" "$work/root"
cd "$work/packages"
# apt's own user cannot write here, which it need not
apt-get -o APT::Sandbox::User=root -qq download "${packages[@]}"

cd "$work/root"
mkdir -p usr/bin usr/sbin usr/lib usr/lib64
ln -s usr/bin bin
ln -s usr/sbin sbin
ln -s usr/lib lib
ln -s usr/lib64 lib64
for package in ../packages/*.deb; do
  dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink
done
rm -rf usr/share/{doc,man,info,locale,lintian,bug,base-files} usr/lib/*/gconv usr/sbin/* etc/update-motd.d
mkdir -p etc/ssl/certs home/nonroot tmp run var/tmp
cat usr/share/ca-certificates/mozilla/*.crt >etc/ssl/certs/ca-certificates.crt
printf 'root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n' >etc/passwd
printf 'root:x:0:\nnonroot:x:65532:\n' >etc/group
printf 'hosts: files dns\n' >etc/nsswitch.conf
chmod 1777 tmp var/tmp
chown -R 0:0 .
chown 65532:65532 home/nonroot

tar --sort=name --mtime=@0 --numeric-owner -cf - . |
  docker import \
    -c 'USER 65532:65532' \
    -c 'WORKDIR /home/nonroot' \
    -c 'ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt' \
    - "$tag" >/dev/null
docker image inspect --format "$tag {{.Size}} bytes" "$tag"
