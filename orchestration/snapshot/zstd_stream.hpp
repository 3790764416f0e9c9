// zstd (RFC 8878) over streams of any length in bounded memory.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "orchestration/snapshot/byte_flow.hpp"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace orchestration {

class zstd_compressor {
 public:
  /// `threads` are libzstd's own; 0: compress on the calling thread.
  zstd_compressor(byte_sink sink, int level, unsigned threads);
  void write(std::string_view bytes);
  void finish();  // ends the frame; once, last

 private:
  struct freed {
    void operator()(ZSTD_CCtx_s* context) const;
  };
  byte_sink sink_;
  std::unique_ptr<ZSTD_CCtx_s, freed> context_;
  std::string out_;
};

class zstd_decompressor {
 public:
  explicit zstd_decompressor(byte_source source);
  /// The next decoded bytes, valid until the next call; empty: the end. Throws snapshot_error for damaged or cut data.
  std::string_view read();

 private:
  struct freed {
    void operator()(ZSTD_DCtx_s* context) const;
  };
  byte_source source_;
  std::unique_ptr<ZSTD_DCtx_s, freed> context_;
  std::string_view in_;
  std::string out_;
  bool inside_frame_ = true;  // nothing at all is not a zstd stream
};

}  // namespace orchestration
