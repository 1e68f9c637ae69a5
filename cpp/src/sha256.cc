#include "sha256.h"

#include <array>

#include "check.h"
#include "hex.h"

namespace dkv20 {
namespace {

const EVP_MD* Digest() noexcept {
  // Fetched once and never freed: fetching takes longer than hashing a small snapshot.
  static const EVP_MD* const digest = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  DKV20_CHECK(digest != nullptr);
  return digest;
}

// Shared by the writers of a thread, as making a context takes time. A writer's hash begins and
// ends within one call.
Sha256& ThreadHash() noexcept {
  thread_local Sha256 hash;
  return hash;
}

}  // namespace

Sha256::Sha256() noexcept : context_(EVP_MD_CTX_new()) {
  DKV20_CHECK(context_ != nullptr);
  DKV20_CHECK(EVP_DigestInit_ex2(context_.get(), Digest(), nullptr) == 1);
}

void Sha256::Update(std::span<const std::uint8_t> bytes) noexcept {
  DKV20_CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
}

void Sha256::Update(std::string_view bytes) noexcept {
  DKV20_CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
}

std::string Sha256::FinishHex() noexcept {
  std::array<std::uint8_t, 32> hash{};
  DKV20_CHECK(EVP_DigestFinal_ex(context_.get(), hash.data(), nullptr) == 1);
  DKV20_CHECK(EVP_DigestInit_ex2(context_.get(), nullptr, nullptr) == 1);
  std::string hex;
  AppendHexDigits(hash, hex);
  return hex;
}

void HashWriter::Write(std::span<const std::uint8_t> bytes) noexcept { ThreadHash().Update(bytes); }

std::string HashWriter::FinishHex() noexcept {
  Flush();
  return ThreadHash().FinishHex();
}

}  // namespace dkv20
