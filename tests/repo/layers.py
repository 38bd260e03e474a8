"""Which folder may include what: the layers of nearhit, as data.

server, cli -> engine/database -> engine/cache, engine/vectors -> engine/policy, engine/embedding, engine/collection -> index, engine/storage, net -> base
"""

# Folder -> folders of ours that it may include besides itself. "nearhit" is include/nearhit, the public API;
# "nearhit/v1" the generated wire contract. A folder that is not named here is a mistake.
LAYERS = {
    "include/nearhit": ["nearhit"],
    "base": ["nearhit"],
    "index": ["nearhit", "base"],
    "formats": ["nearhit", "base"],
    "engine/storage": ["nearhit", "base"],
    "net": ["nearhit", "base"],
    "engine/embedding": ["nearhit", "base", "net"],
    "engine/model": ["nearhit", "base"],
    "engine/collection": ["nearhit", "base", "index", "engine/storage"],
    "engine/policy": ["nearhit", "base"],
    "engine/cache": ["nearhit", "base", "engine/collection", "engine/embedding", "engine/policy", "engine/storage"],
    "engine/vectors": ["nearhit", "base", "engine/collection"],
    "engine/database": ["nearhit", "base", "engine/cache", "engine/collection", "engine/embedding",
                        "engine/storage", "engine/vectors"],
    # The transports are skins over server/core, which knows none of them.
    "server/config": ["nearhit", "base"],
    "server/core": ["nearhit", "base", "server/config"],
    "server/dialect": ["nearhit", "base"],
    "server/http": ["nearhit", "base", "net"],
    "server/gateway": ["nearhit", "base", "net", "server/config", "server/core", "server/dialect", "server/http",
                       "server/rest"],
    "server/calls": ["nearhit", "nearhit/v1", "base", "server/core"],
    "server/grpc": ["nearhit", "nearhit/v1", "base", "server/calls", "server/config", "server/core"],
    "server/rest": ["nearhit", "nearhit/v1", "base", "net", "server/calls", "server/core", "server/http"],
    "server/daemon": ["nearhit", "base", "server/config", "server/core", "server/gateway", "server/grpc",
                      "server/http"],
    "cli": ["nearhit", "nearhit/v1", "base", "formats"],
    "examples": ["nearhit"],
    "bench/peers": ["engine/model"],
    "bench/instructions": ["nearhit", "base", "index", "tests/support"],
    "bench/micro": ["nearhit", "base", "index", "engine/collection", "engine/model", "engine/policy", "engine/storage"],
    # Measures the structures of the index apart from each other, and the rest through the public API.
    "bench/workload": ["nearhit", "nearhit/v1", "base", "bench/peers", "formats", "index", "engine/model", "engine/policy",
                       "tests/kinds"],
    "tests/kinds": [],
    "tests/support": ["nearhit", "base", "engine/storage"],
    "tests/consumer": ["nearhit"],
    "tests/e2e": ["base", "tests/support"],  # the programs as processes
    # These look at everything on purpose: bytes on disk, and whatever reads bytes from outside.
    "tests/golden": ["nearhit", "base", "index", "engine", "tests/support"],
    "tests/fuzz": ["nearhit", "nearhit/v1", "base", "index", "engine", "formats", "server", "tests/support"],
}

# Tests of a component, tests/<component>: what it may include, itself, and the helpers.
for component in ["base", "net", "index", "formats", "engine/storage", "engine/embedding", "engine/model",
                  "engine/collection", "engine/policy", "engine/cache", "engine/database", "server/config",
                  "server/calls", "server/core", "server/dialect", "server/gateway", "server/grpc", "server/http", "server/rest",
                  "server/daemon", "cli"]:
    LAYERS["tests/" + component] = LAYERS[component] + [component, "tests/support"]
# The command line is tested against a real daemon, which needs a folder with a model.
LAYERS["tests/server"] = ["nearhit", "nearhit/v1", "server", "tests/support"]
LAYERS["tests/server/grpc"] += ["server/daemon", "tests/server"]
LAYERS["tests/server/daemon"] += ["nearhit/v1", "tests/server", "tests/server/http"]
LAYERS["tests/server/gateway"] += ["tests/server/http"]
LAYERS["tests/server/rest"] += ["tests/server/http"]
LAYERS["tests/cli"] += ["server", "tests/engine/model"]
LAYERS["tests/index"] += ["tests/kinds"]
LAYERS["tests/bench"] = LAYERS["bench/workload"] + ["bench/workload", "tests/support"]

# A third-party header (by how its name begins) -> the files or folders that may include it. Others are not used.
HOMES = {
    "hnswlib/": ["index/graph_store.cc", "bench/peers"],
    "rocksdb/": ["engine/storage/log_watch.cc", "engine/storage/log_watch.h", "engine/storage/no_wait_env.cc",
                 "engine/storage/rocksdb_backup.cc", "engine/storage/rocksdb_logger.cc", "engine/storage/rocksdb_options.cc",
                 "engine/storage/rocksdb_options.h", "engine/storage/rocksdb_probe.cc", "engine/storage/rocksdb_status.cc", "engine/storage/rocksdb_status.h",
                 "engine/storage/rocksdb_store.cc", "engine/storage/write_gate.cc", "engine/storage/write_gate.h",
                 "tests/engine/storage"],
    "tsl/": ["engine"],
    "roaring/": ["engine/collection/id_set.cc"],
    "xxhash.h": ["base/hash.cc"],
    "xxh_x86dispatch.h": ["base/hash.cc"],
    "utf8proc.h": ["base/utf8.cc", "engine/embedding", "engine/model", "engine/policy"],
    "curl/": ["net", "tests/server/http/tls_server_test.cc"],
    "openssl/": ["engine/model/file_hash.cc", "server/dialect/base64.cc", "server/dialect/digest.cc",
                 "server/http/tls_context.cc", "server/http/tls_stream.cc", "tests/server/http", "tests/support"],
    "prometheus/": ["server/gateway/gateway_metrics.cc"],
    "simdjson.h": ["server/dialect"],
    "nlohmann/": ["engine/embedding", "engine/model", "cli", "server/daemon", "server/dialect", "bench/workload",
                  "tests", "server/gateway/judge_prompt.cc", "server/gateway/own_api.cc", "server/rest"],
    "zlib.h": ["formats", "tests/formats", "tests/cli"],
    "grpc/": ["server/grpc"],
    "grpcpp/": ["server/grpc", "cli", "bench/workload", "tests/server", "tests/fuzz"],
    "google/protobuf/": ["server/calls", "server/grpc", "server/rest", "server/daemon", "cli", "tests"],
    "spdlog/": ["server/daemon"],
    "toml++/": ["server/config"],
    "CLI/": ["server/daemon", "cli", "bench/workload"],
    "benchmark/": ["bench/micro"],
    "valgrind/": ["bench/instructions"],
    "gtest/": ["tests"],
    "gmock/": ["tests"],
    "immintrin.h": ["index", "engine/model"],
}

# Headers of C and POSIX, which no layer owns.
SYSTEM = ["arpa/", "fcntl.h", "malloc.h", "netdb.h", "netinet/", "poll.h", "pthread.h", "signal.h", "spawn.h", "stdlib.h", "sys/",
          "unistd.h"]

# What find_package and the scripts ask for -> the Debian package that has it. None: part of cmake itself.
PACKAGE_OF_MODULE = {
    "Threads": None,
    "Python3": "python3",
    "RocksDB": "librocksdb-dev",
    "CURL": "libcurl4-openssl-dev",
    "OpenSSL": "libssl-dev",
    "hnswlib": "libhnswlib-dev",
    "xxHash": "libxxhash-dev",
    "utf8proc": "libutf8proc-dev",
    "tsl-robin-map": "robin-map-dev",
    "roaring": "libroaring-dev",
    "Protobuf": "libprotobuf-dev",
    "gRPC": "libgrpc++-dev",
    "ZLIB": "zlib1g-dev",
    "nlohmann_json": "nlohmann-json3-dev",
    "simdjson": "libsimdjson-dev",
    "prometheus-cpp": "prometheus-cpp-dev",
    "CLI11": "libcli11-dev",
    "spdlog": "libspdlog-dev",
    "tomlplusplus": "libtomlplusplus-dev",
    "benchmark": "libbenchmark-dev",
    "GTest": "libgtest-dev",
    "nearhit": None,
}
PACKAGE_OF_COMMAND = {
    "cmake": "cmake",
    "ctest": "cmake",
    "ninja": "ninja-build",
    "clang++": "clang",
    "clang-format": "clang-format",
    "clang-tidy": "clang-tidy",
    "run-clang-tidy": "clang-tidy",
    "git": "git",
    "gcovr": "gcovr",
    "lcov": "lcov",
    "python3": "python3",
    "curl": "curl",
    "jq": "jq",
    "pip": "python3-pip",
    "pip3": "python3-pip",
    "unzip": "unzip",
}
