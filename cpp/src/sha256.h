// SHA-256, from OpenSSL.

#ifndef DKV20_SHA256_H_
#define DKV20_SHA256_H_

#include <openssl/evp.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "byte_writer.h"

namespace dkv20 {

// A SHA-256 hash in progress. The process ends if OpenSSL does not provide SHA-256.
class Sha256 {
 public:
  Sha256() noexcept;

  void Update(std::span<const std::uint8_t> bytes) noexcept;
  void Update(std::string_view bytes) noexcept;

  // Returns the hash in 64 lower-case hex digits and starts a new one.
  [[nodiscard]] std::string FinishHex() noexcept;

 private:
  struct FreeContext {
    void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
  };

  std::unique_ptr<EVP_MD_CTX, FreeContext> context_;
};

// Hashes the bytes that are written to it. A thread must not use two at the same time.
class HashWriter final : public ByteWriter {
 public:
  // Returns the hash of all bytes in 64 lower-case hex digits.
  [[nodiscard]] std::string FinishHex() noexcept;

 private:
  void Write(std::span<const std::uint8_t> bytes) noexcept override;
};

}  // namespace dkv20

#endif  // DKV20_SHA256_H_
