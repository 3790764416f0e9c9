#include "orchestration/snapshot/zstd_stream.hpp"

#include <zstd.h>

#include <new>

#include "orchestration/snapshot/snapshot_error.hpp"

namespace orchestration {
namespace {

std::size_t checked(std::size_t result) {
  if (ZSTD_isError(result) != 0) throw snapshot_error(std::string("zstd: ") + ZSTD_getErrorName(result));
  return result;
}

}  // namespace

void zstd_compressor::freed::operator()(ZSTD_CCtx_s* context) const { ZSTD_freeCCtx(context); }
void zstd_decompressor::freed::operator()(ZSTD_DCtx_s* context) const { ZSTD_freeDCtx(context); }

zstd_compressor::zstd_compressor(byte_sink sink, int level, unsigned threads)
    : sink_(std::move(sink)), context_(ZSTD_createCCtx()), out_(ZSTD_CStreamOutSize(), '\0') {
  if (!context_) throw std::bad_alloc();
  checked(ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, level));
  checked(ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1));
  // A libzstd built without threads refuses this and compresses on ours.
  ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_nbWorkers, static_cast<int>(threads));
}

void zstd_compressor::write(std::string_view bytes) {
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  while (in.pos < in.size) {
    ZSTD_outBuffer out{out_.data(), out_.size(), 0};
    checked(ZSTD_compressStream2(context_.get(), &out, &in, ZSTD_e_continue));
    if (out.pos > 0) sink_(std::string_view(out_.data(), out.pos));
  }
}

void zstd_compressor::finish() {
  ZSTD_inBuffer nothing{nullptr, 0, 0};
  std::size_t left = 1;
  while (left != 0) {
    ZSTD_outBuffer out{out_.data(), out_.size(), 0};
    left = checked(ZSTD_compressStream2(context_.get(), &out, &nothing, ZSTD_e_end));
    if (out.pos > 0) sink_(std::string_view(out_.data(), out.pos));
  }
}

zstd_decompressor::zstd_decompressor(byte_source source)
    : source_(std::move(source)), context_(ZSTD_createDCtx()), out_(ZSTD_DStreamOutSize(), '\0') {
  if (!context_) throw std::bad_alloc();
}

std::string_view zstd_decompressor::read() {
  while (true) {
    if (in_.empty()) in_ = source_();
    if (in_.empty() && inside_frame_) throw snapshot_error("zstd: the data ends too early");
    if (in_.empty()) return {};
    ZSTD_inBuffer in{in_.data(), in_.size(), 0};
    ZSTD_outBuffer out{out_.data(), out_.size(), 0};
    inside_frame_ = checked(ZSTD_decompressStream(context_.get(), &out, &in)) != 0;
    in_.remove_prefix(in.pos);
    if (out.pos > 0) return {out_.data(), out.pos};
  }
}

}  // namespace orchestration
