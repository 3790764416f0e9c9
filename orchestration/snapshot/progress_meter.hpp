// Counts what passes and says so now and then; the place where a stop request is noticed.
#pragma once

#include <cstdint>
#include <string>

#include "orchestration/snapshot/volume_archive.hpp"

namespace orchestration {

class progress_meter {
 public:
  progress_meter(const archive_options& options, snapshot_progress::stage at) : options_(options) {
    now_.at = at;
    now_.volume = options.volume;
  }

  void working_on(const std::string& path) { now_.path = path; }
  void entry(const std::string& path) {
    ++now_.entries;
    now_.path = path;
    if (now_.entries % 64 == 0) say();
  }
  void bytes(std::uint64_t count) {
    now_.bytes += count;
    unsaid_ += count;
    if (unsaid_ >= 4U * 1024 * 1024) say();
  }
  void check_stop() const {
    if (options_.stop.stop_requested()) throw snapshot_cancelled();
  }
  std::uint64_t entries() const { return now_.entries; }
  std::uint64_t bytes() const { return now_.bytes; }

 private:
  void say() {
    check_stop();
    unsaid_ = 0;
    if (!options_.progress) return;
    options_.progress(now_);
  }

  const archive_options& options_;
  snapshot_progress now_;
  std::uint64_t unsaid_ = 0;
};

}  // namespace orchestration
