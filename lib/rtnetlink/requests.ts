/**
 * Every operation as a value: what `Rtnetlink` sends, for those who want to look at a message, test against it, or send
 * it themselves with `Rtnetlink.request`. Other links are given by index here; clients look names up.
 */
export { deleteAddress, listAddresses, newAddress } from './address.js';
export { deleteFdbEntry, flushFdb, getFdbEntry, listFdb, newFdbEntry } from './fdb.js';
export { addLink, addLinkWithEcho, changeAltNames, changeLink, deleteLink, getLink, listLinks } from './link.js';
export { deleteNeighbour, getNeighbour, listNeighbours, newNeighbour } from './neighbour.js';
export { deleteRoute, getRoute, listRoutes, newRoute } from './route.js';
export { encodeRequest } from '../netlink/request.js';
