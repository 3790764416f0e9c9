// Bytes on their way through hashing, compression and tar, a block at a time.
#pragma once

#include <functional>
#include <string_view>

namespace orchestration {

using byte_sink = std::function<void(std::string_view)>;
/// The next bytes, valid until the next call; empty: the end.
using byte_source = std::function<std::string_view()>;

}  // namespace orchestration
