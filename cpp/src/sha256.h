// SHA-256, from OpenSSL.

#ifndef DKV20_SHA256_H_
#define DKV20_SHA256_H_

#include <openssl/evp.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "dkv20/byte_writer.h"

namespace dkv20 {

// Hashes bytes as they come. The digest is fetched once for the process, and an object keeps its
// context from one hash to the next. Where OpenSSL has no SHA-256 the process ends.
class Sha256 {
 public:
  Sha256() noexcept;

  void Update(std::span<const std::uint8_t> bytes) noexcept;
  void Update(std::string_view bytes) noexcept;

  // The hash in 64 lower-case hex digits. Starts again.
  [[nodiscard]] std::string FinishHex() noexcept;

 private:
  struct FreeContext {
    void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
  };

  std::unique_ptr<EVP_MD_CTX, FreeContext> context_;
};

// Hashes what is written to it.
class HashWriter final : public ByteWriter {
 public:
  // The hash in 64 lower-case hex digits.
  [[nodiscard]] std::string FinishHex() noexcept;

 private:
  void Write(std::span<const std::uint8_t> bytes) noexcept override;
};

}  // namespace dkv20

#endif  // DKV20_SHA256_H_
