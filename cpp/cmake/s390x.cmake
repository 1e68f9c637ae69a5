set(processor s390x)
set(compiler s390x-linux-gnu-g++)
set(libraries s390x-linux-gnu)
include(${CMAKE_CURRENT_LIST_DIR}/foreign.cmake)
