// Stands for the package of this name, which needs a native library: the tests use TCP only.
export const RTCPeerConnection = undefined
export const RTCSessionDescription = undefined
export const RTCIceCandidate = undefined
