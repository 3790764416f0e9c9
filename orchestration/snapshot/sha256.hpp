// SHA-256, FIPS 180-4.
#pragma once

#include <memory>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace orchestration {

class sha256 {
 public:
  sha256();
  void update(std::string_view bytes);
  std::string hex();  // 64 lower-case digits; ends it: start over with a new one

 private:
  struct freed {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, freed> context_;
};

}  // namespace orchestration
