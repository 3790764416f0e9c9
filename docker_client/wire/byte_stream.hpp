// A connection to the engine, whatever it runs over.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>

#include <boost/asio/any_io_executor.hpp>

#include "docker_client/task.hpp"

namespace docker {

/// One reader and one writer at a time, on the executor's thread. Failures are boost::system::system_error.
class byte_stream {
 public:
  virtual ~byte_stream() = default;

  virtual boost::asio::any_io_executor executor() const = 0;
  /// At least one byte; 0: the other side has closed, cleanly.
  virtual task<std::size_t> read_some(std::span<std::byte> buffer) = 0;
  /// All of it.
  virtual task<> write(std::span<const std::byte> bytes) = 0;
  /// Whatever is pending, and everything later, ends with operation_aborted or another error; never hangs.
  virtual void close() noexcept = 0;
};

/// Opens a new connection, or throws docker::error (not_connected, timeout, cancelled).
using stream_factory = std::function<task<std::unique_ptr<byte_stream>>()>;

}  // namespace docker
