# Included by a toolchain file that has set `processor`, `compiler` and `libraries` (Debian's name of
# the folder of libraries). scripts/platforms.sh unpacks OpenSSL for the processor into `sysroot`.
set(sysroot ${CMAKE_CURRENT_LIST_DIR}/../../target/platforms/${processor})
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR ${processor})
set(CMAKE_CXX_COMPILER ${compiler})
# GCC 12 reports writes past the end that are not there when it compiles for these processors.
set(CMAKE_CXX_FLAGS_INIT "-isystem ${sysroot}/usr/include/${libraries} \
-Wno-error=stringop-overflow -Wno-error=array-bounds")
# Static, so that QEMU needs no libraries of the processor.
set(CMAKE_EXE_LINKER_FLAGS_INIT -static)
set(OPENSSL_INCLUDE_DIR ${sysroot}/usr/include CACHE PATH "")
set(OPENSSL_CRYPTO_LIBRARY ${sysroot}/usr/lib/${libraries}/libcrypto.a CACHE FILEPATH "")
