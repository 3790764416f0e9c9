// Opens a connection to an engine.
#pragma once

#include <chrono>
#include <memory>

#include <boost/asio/any_io_executor.hpp>

#include "docker_client/engine_address.hpp"
#include "docker_client/task.hpp"
#include "docker_client/wire/byte_stream.hpp"

namespace docker {

/// Unix sockets and plain TCP. docker::error (not_connected, timeout, cancelled) names the address, who gave it, the
/// reason in plain words and what to do. TLS and ssh addresses are refused so far. `limit` zero: none; looking up a
/// host name is the resolver's, which cannot be hurried.
task<std::unique_ptr<byte_stream>> dial(boost::asio::any_io_executor executor, engine_address address,
                                        std::chrono::milliseconds limit);

}  // namespace docker
